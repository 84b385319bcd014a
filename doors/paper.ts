/** moeplace/paper: the experiments of the Mozart paper (arXiv:2603.07006) against the model, as tables. */
export { beyondTables, type BeyondInput } from "../lib/paper/paper-beyond.js";
export { cellText, type PaperColumn, type PaperTable } from "../lib/paper/paper-table.js";
export { fitTables, paperTables } from "../lib/paper/paper-tables.js";
export { balanceLoads } from "../solvers/groups/partition-loads.js";
