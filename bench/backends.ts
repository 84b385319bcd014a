/**
 * `npm run bench:backends`: the two MILP backends on the integer programmes that placements pose.
 *
 * Tokens drawn at random, seed 1: where experts form no communities, integer programmes are hardest. Both get the same columns, incumbent and time limit; what they answer is checked by
 * `solveMilp`. docs/decisions/backends.md says what follows from it.
 */
import type { BackendName } from "../lib/placement/backend-choice.js";
import { createProblem, type PlacementProblem } from "../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../lib/placement/solver.js";
import { collectPatterns, quotientPatterns } from "../lib/trace/token-patterns.js";
import { columnModelOf } from "../solvers/columns/admissible-columns.js";
import { constraintModelOf } from "../solvers/constraints/constraint-model.js";
import { sumTokens, type Column } from "../solvers/columns/column.js";
import { createColumnTable } from "../solvers/columns/column-table.js";
import { zeroMultipliers } from "../solvers/columns/multipliers.js";
import { choosePartition } from "../solvers/columns/partition-model.js";
import { contiguousPlacement } from "../solvers/starts/contiguous-placement.js";
import { QUICK_SEARCH, startSearch } from "../solvers/search/iterated-local-search.js";
import { swapModelOf } from "../solvers/search/swap-model.js";
import { drawSkewedTokens } from "./skewed-tokens.js";
import { row } from "./table.js";

const BACKENDS: readonly BackendName[] = ["highs", "javascript-lp-solver"];
const TIME_LIMIT_MS = 10_000;
const NUM_LAYERS = 4;
const CHIPLETS = { numChiplets: 16, numGroups: 4 };

/** Columns to choose from, and a choice to beat. */
interface Choice {
  readonly problem: PlacementProblem;
  readonly columns: readonly Column[];
  readonly incumbent: readonly Column[];
}

console.log(
  `## MILP backends: ${NUM_LAYERS} random layers of 64 experts, top-6, time limit ${TIME_LIMIT_MS / 1000} s\n`,
);
console.log("| columns | backend | candidates | tokens saved | layers above the optimum | seconds |");
console.log("| --- | --- | ---: | ---: | ---: | ---: |");
const problems = Array.from({ length: NUM_LAYERS }, (_, layer) => randomProblem(layer));
await compareBackends("pool of a search", problems.map(pooledColumns));
await compareBackends("all groups of 4 chiplets", problems.map(allGroups));
process.exit(0);

async function compareBackends(name: string, choices: readonly Choice[]): Promise<void> {
  const optimum: number[] = [];
  for (const backend of BACKENDS) {
    const tokens: number[] = [];
    const begun = performance.now();
    for (const { problem, columns, incumbent } of choices) {
      const options = { backend, incumbent, timeLimitMs: TIME_LIMIT_MS };
      const choice = await choosePartition(problem, columns, options);
      tokens.push(choice?.tokens ?? Infinity);
      if (choice?.bound !== undefined) optimum.push(choice.bound);
    }
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    if (optimum.length < choices.length) throw new Error("expected HiGHS to prove every layer");
    const candidates = choices.reduce((sum, { columns }) => sum + columns.length, 0);
    const saved = choices.reduce((sum, { incumbent }, at) => sum + sumTokens(incumbent) - tokens[at], 0);
    const above = tokens.filter((cost, at) => cost > optimum[at]).length;
    row(name, backend, String(candidates), String(saved), `${above} of ${choices.length}`, seconds);
  }
}

function randomProblem(layer: number): PlacementProblem {
  const tokens = { numTokens: 500, numExperts: 64, topK: 6 };
  const experts = drawSkewedTokens(layer, tokens);
  return createProblem(collectPatterns({ layer, numTokens: tokens.numTokens, experts }, tokens), {
    layer,
    ...CHIPLETS,
  });
}

/** The columns met by a search: what `ilp` recombines. */
function pooledColumns(problem: PlacementProblem): Choice {
  const search = startSearch(swapModelOf(constraintModelOf(problem), problem.layer), DEFAULT_SOLVER_OPTIONS);
  const first = search.run(QUICK_SEARCH);
  if (!first) throw new Error("nothing limits these placements");
  const incumbent = search.columnsOf(first);
  search.run({ starts: 60, restarts: 6, kicks: 100 });
  return { problem, columns: search.pool.columns, incumbent };
}

/** Every way to fill a chiplet group with chiplets: what the group assignment chooses from. */
function allGroups(problem: PlacementProblem): Choice {
  const { numChiplets, numGroups } = CHIPLETS;
  const chipletOf = contiguousPlacement(problem);
  const groups = createProblem(quotientPatterns(problem.patterns, chipletOf, numChiplets), {
    numChiplets: numGroups,
  });
  const model = columnModelOf(constraintModelOf(groups));
  const columns: Column[] = [];
  createColumnTable(model).walk(zeroMultipliers(model), Infinity, (chiplets, tokens) => {
    columns.push({ experts: [...chiplets], tokens });
  });
  // The groups of chiplets 0 to 3, 4 to 7, and so on.
  const size = numChiplets / numGroups;
  const incumbent = columns.filter(
    ({ experts }) => experts[0] % size === 0 && experts[size - 1] === experts[0] + size - 1,
  );
  return { problem: groups, columns, incumbent };
}
