import type { Constraint } from "../../lib/placement/constraints.js";
import type { TokenPatterns } from "../../lib/trace/token-patterns.js";
import type { MilpModel } from "../milp/milp-model.js";
import type { ConstraintModel } from "./constraint-model.js";

/** Above this many pattern-block pairs the model leaves link tokens out: it would be too large to be solved. */
const MAX_TOKEN_COLUMNS = 20_000;

/** An integer programme whose feasible points are the admissible placements. */
export interface AssignmentModel {
  readonly model: MilpModel;
  /** False if limits on link tokens are left out: then it may be feasible where the problem is not, never the reverse. */
  readonly isWhole: boolean;
  /** Reads the chiplet of every expert off a point. Shape [numExperts]. */
  readonly chipletOfPoint: (point: Float64Array) => Uint16Array;
}

/**
 * Models which expert goes where: x[expert, chiplet] binary, with rows for slots and every constraint, and
 * z[pattern, block] >= x for every block whose link tokens are limited.
 *
 * @param lifted Name of a limit to turn into the objective: the least value it could have.
 */
export function createAssignmentModel(
  {
    numExperts,
    numChiplets,
    chipletsPerGroup,
    slotsPerChiplet,
    patterns,
    pins,
    constraints,
  }: ConstraintModel,
  lifted?: Constraint["name"],
): AssignmentModel {
  const writer = new ModelWriter();
  const columnOf = (expert: number, chiplet: number) => expert * numChiplets + chiplet;
  const pinnedTo = new Map(pins.map(({ expert, chiplet }) => [expert, chiplet]));
  for (let expert = 0; expert < numExperts; expert++) {
    const pin = pinnedTo.get(expert);
    for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
      writer.addColumn({ upper: pin === undefined || pin === chiplet ? 1 : 0, isInteger: true });
    }
    const row = writer.addRow(1, 1);
    for (let chiplet = 0; chiplet < numChiplets; chiplet++)
      writer.addEntry(row, columnOf(expert, chiplet), 1);
  }
  const experts = Array.from({ length: numExperts }, (_, expert) => expert);
  for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
    const slots = writer.addRow(-Infinity, slotsPerChiplet);
    for (const expert of experts) writer.addEntry(slots, columnOf(expert, chiplet), 1);
  }
  const peak = lifted && writer.addColumn({ cost: 1, upper: Infinity, isInteger: false });
  let isWhole = true;
  for (const { name, scope, measure, weight, cap } of constraints) {
    const perBlock = scope === "chiplet" ? 1 : chipletsPerGroup;
    const numBlocks = numChiplets / perBlock;
    if (measure === "tokens" && patterns.numPatterns * numBlocks > MAX_TOKEN_COLUMNS) {
      isWhole = false;
      continue;
    }
    for (let block = 0; block < numBlocks; block++) {
      const isLifted = name === lifted && peak !== undefined;
      const row = writer.addRow(-Infinity, isLifted ? 0 : cap);
      if (isLifted) writer.addEntry(row, peak, -1);
      const chiplets = Array.from({ length: perBlock }, (_, index) => block * perBlock + index);
      if (measure === "tokens") {
        addTokens(writer, {
          row,
          patterns,
          columnsOf: (expert) => chiplets.map((chiplet) => columnOf(expert, chiplet)),
        });
      } else {
        for (const chiplet of chiplets) {
          for (const expert of experts) writer.addEntry(row, columnOf(expert, chiplet), weight[expert]);
        }
      }
    }
  }
  return {
    model: writer.finish(),
    isWhole,
    chipletOfPoint: (point) =>
      Uint16Array.from({ length: numExperts }, (_, expert) =>
        point.subarray(columnOf(expert, 0), columnOf(expert, numChiplets)).indexOf(1),
      ),
  };
}

/** Lets a row count the tokens that visit a block: a column a pattern, at least 1 if one of its experts is there. */
function addTokens(
  writer: ModelWriter,
  {
    row,
    patterns,
    columnsOf,
  }: { row: number; patterns: TokenPatterns; columnsOf: (expert: number) => number[] },
): void {
  for (let pattern = 0; pattern < patterns.numPatterns; pattern++) {
    const isThere = writer.addColumn({ upper: 1, isInteger: false });
    writer.addEntry(row, isThere, patterns.counts[pattern]);
    for (let place = patterns.offsets[pattern]; place < patterns.offsets[pattern + 1]; place++) {
      const implied = writer.addRow(0, Infinity);
      writer.addEntry(implied, isThere, 1);
      for (const column of columnsOf(patterns.experts[place])) writer.addEntry(implied, column, -1);
    }
  }
}

/** Collects a model entry by entry, in any order. */
class ModelWriter {
  readonly #cost: number[] = [];
  readonly #upper: number[] = [];
  readonly #integer: number[] = [];
  readonly #rowLower: number[] = [];
  readonly #rowUpper: number[] = [];
  readonly #entries: { row: number; value: number }[][] = [];

  addColumn({ cost = 0, upper, isInteger }: { cost?: number; upper: number; isInteger: boolean }): number {
    this.#cost.push(cost);
    this.#upper.push(upper);
    this.#integer.push(isInteger ? 1 : 0);
    return this.#entries.push([]) - 1;
  }

  addRow(lower: number, upper: number): number {
    this.#rowLower.push(lower);
    return this.#rowUpper.push(upper) - 1;
  }

  addEntry(row: number, column: number, value: number): void {
    if (value !== 0) this.#entries[column].push({ row, value });
  }

  finish(): MilpModel {
    const starts = new Int32Array(this.#entries.length + 1);
    this.#entries.forEach((entries, column) => (starts[column + 1] = starts[column] + entries.length));
    const entries = this.#entries.flat();
    return {
      cost: Float64Array.from(this.#cost),
      lower: new Float64Array(this.#cost.length),
      upper: Float64Array.from(this.#upper),
      integer: Uint8Array.from(this.#integer),
      rowLower: Float64Array.from(this.#rowLower),
      rowUpper: Float64Array.from(this.#rowUpper),
      starts,
      indices: Int32Array.from(entries, ({ row }) => row),
      values: Float64Array.from(entries, ({ value }) => value),
    };
  }
}
