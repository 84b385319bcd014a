import { expertsOfChiplets } from "../../lib/placement/placement.js";
import { timeLeft } from "../../lib/placement/solver.js";
import { sumTokens, type Column } from "./column.js";
import type { ColumnModel } from "./column-model.js";
import { choosePartition } from "./partition-model.js";
import type { ColumnChoice } from "./place-by-columns.js";
import type { ChoiceOptions } from "./recombine.js";
import { fixByCuts, type Shortlist } from "./subset-row-cuts.js";

/** Columns handed to a single integer programme before the proof is split. */
const FEW_COLUMNS = 500;

/** What is known of a gap. */
export interface GapState {
  /** Every column that a placement better than the incumbent can have. */
  readonly list: Shortlist;
  /** What every placement costs at least. */
  readonly bound: number;
  readonly incumbent: readonly Column[];
  readonly deadline: number;
  readonly options: ChoiceOptions;
}

/**
 * Closes the gap between the incumbent and the bound by integer programming over the columns that matter.
 *
 * A placement that costs less than base + t has no column of reduced cost above t. So the integer programme over
 * columns up to t either finds the optimum or lifts the bound to base + t; then t grows, up to the incumbent.
 */
export async function closeGap(model: ColumnModel, state: GapState): Promise<ColumnChoice> {
  const { incumbent, deadline, options } = state;
  let columns = incumbent;
  // Every token visits a chiplet at least, however early pricing was cut.
  let bound = Math.max(model.patterns.numTokens, Math.ceil(state.bound));
  const report = (phase: string, note?: string) => {
    const chipletOf = new Uint16Array(model.numExperts);
    columns.forEach(({ experts }, chiplet) => {
      for (const expert of experts) chipletOf[expert] = chiplet;
    });
    const { numTokens } = model.patterns;
    options.onProgress?.({
      chiplets: expertsOfChiplets(chipletOf, model.numChiplets),
      cost: sumTokens(columns) / numTokens,
      bound: bound / numTokens,
      phase,
      ...(note !== undefined && { note }),
    });
  };
  report("column generation");
  const list = await fixByCuts(model, state.list, {
    incumbent,
    fewColumns: FEW_COLUMNS,
    deadline,
    onNote: (note) => {
      report("cuts", note);
    },
  });
  bound = Math.max(bound, Math.min(sumTokens(columns), Math.ceil(list.bound)));
  report("cuts");
  let threshold = firstThreshold(list);
  while (bound < sumTokens(columns)) {
    if (performance.now() >= deadline)
      return { columns, tokensBound: bound, stoppedBy: "time limit" as const };
    // Costs are integers: whatever is better than the incumbent costs at least a token less.
    const whole = sumTokens(columns) - 1 - list.base;
    threshold = Math.min(threshold, whole);
    const matters = list.columns.filter(({ reducedCost }) => reducedCost <= threshold);
    const choice = await choosePartition(
      model,
      matters.map(({ column }) => column),
      {
        backend: options.backends.columns,
        incumbent: columns,
        onNote: (note) => {
          report("choice of columns", note);
        },
        ...timeLeft(deadline),
      },
    );
    if (!choice) throw new Error("choosePartition answers at least with the incumbent");
    columns = choice.columns;
    if (choice.bound === undefined) {
      const stoppedBy = performance.now() >= deadline ? ("time limit" as const) : ("budget" as const);
      return { columns, tokensBound: bound, stoppedBy };
    }
    const reached = threshold === whole ? choice.tokens : Math.ceil(list.base + threshold);
    bound = Math.max(bound, Math.min(choice.tokens, reached));
    report("choice of columns");
    threshold *= 2;
  }
  return { columns, tokensBound: bound, stoppedBy: "proof" as const };
}

/** The largest reduced cost up to which there are not too many columns; Infinity where they are few. */
function firstThreshold({ columns }: Shortlist): number {
  if (columns.length <= FEW_COLUMNS) return Infinity;
  return Float64Array.from(columns, ({ reducedCost }) => reducedCost).sort()[FEW_COLUMNS];
}
