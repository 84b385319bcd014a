/**
 * `npm run bench:paper`: the Mozart paper against the model, as `moeplace paper` prints it, with the ESFT traces
 * (DeepSeek-V2-Lite, the shape of the paper's DeepSeek model). With the argument `fit`, fits the calibrated machines again
 * (takes some minutes).
 */
import { beyondTables, balanceLoads, fitTables, paperTables } from "../doors/paper.js";
import { openLayerThreads } from "../solvers/threads/layer-threads.js";
import { realTrace } from "./real-traces.js";
import { solverOf } from "./solver-of.js";
import { printTable } from "./table.js";

const TASKS = ["intent", "law", "summary", "translation"].map((task) => `esft-dsv2lite-${task}`);

if (process.argv.includes("fit")) {
  for (const table of fitTables()) printTable(table);
} else {
  for (const table of paperTables()) printTable(table);
  const tasks = [];
  for (const name of TASKS) {
    const trace = await realTrace(name);
    if (trace) tasks.push({ name, trace });
  }
  if (tasks.length > 0) {
    const threads = openLayerThreads({ numThreads: 2 });
    const tables = await beyondTables({
      tasks,
      solverOf: (name) => threads.inThread(solverOf(name)),
      balanceLoads,
    }).finally(() => threads.close());
    for (const table of tables) printTable(table);
  }
}
