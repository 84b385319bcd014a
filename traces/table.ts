import { InputError } from "../lib/errors.js";
import { denseTensor, tensorOfLists } from "../lib/containers/tensor.js";
import { kindOfArray, refuseKind } from "./array-kind.js";
import { appendIds } from "./bytes/tensor-rows.js";
import { appendArray } from "./formats/arrays.js";
import { layerInName, RowLayers } from "./layer-name.js";
import { LongTable } from "./long-table.js";
import { apartOf, gapBehind, rolesOf, type TableRoles } from "./table-columns.js";
import { depthOf, idsIn, isList, isNumber, layerOf, wrongNumber, type TableRow } from "./table-values.js";
import type { TraceBuilder } from "./trace-builder.js";
import { MIN_EXPERTS, whyLoads } from "./why-loads.js";

/** More columns of experts are one for every expert. */
const MOST_PLACES = 24;

/** Names of columns that tell layers in some other way: read without them, all rows would be of one. */
const LAYERLIKE = /^(?!num|n_|total).*(layer|block)_?(id|idx|index|no|name|number)?$/i;

/** How the rows of a table are taken. */
export interface Taker {
  /** The columns that are needed. */
  readonly columns: readonly string[];
  /** Called with the first rows, before any is taken. */
  begin?(rows: readonly TableRow[]): void;
  take(row: TableRow, where: string): void;
  /** Called behind the last row. */
  end?(): void;
}

/**
 * Finds out by the names of its columns what the rows of a table are.
 *
 * @throws InputError if there are no experts among them.
 */
export function takerOf(columns: readonly string[], builder: TraceBuilder, path: string): Taker {
  const roles = rolesOf(columns);
  const { layer, experts, count, places, token } = roles;
  const unknown = layer === undefined ? columns.find((column) => LAYERLIKE.test(column)) : undefined;
  if (unknown !== undefined) {
    throw new InputError(
      `${path}: found no column of layers but ${unknown}, expected layer`,
      "Maybe rename it to layer, or leave it out where all rows are of one.",
    );
  }
  if (layer !== undefined && experts !== undefined && count !== undefined) {
    // Beside counts, a rank is no place among the experts of a token.
    const apart = roles.rank === undefined ? token : [...token, roles.rank];
    return takeLoads(builder, { layer, expert: experts, count, token: apart }, path);
  }
  if (experts !== undefined) return takeExperts(builder, { ...roles, experts }, path);
  if (places.length > 0) {
    const isMatrix = layer === undefined && token.length === 0;
    return isMatrix ? takeMatrix(builder, roles, path) : takePlaces(builder, roles, path);
  }
  throw new InputError(
    `${path}: found columns ${columns.slice(0, 20).join(", ")}, expected layer and experts, or routed_experts`,
    "Maybe rename the column with the lists of experts to experts.",
  );
}

/**
 * Whether the numbers in columns of experts are weights, 0 where an expert was not chosen, rather than ids: there are many of
 * them, or fractions and no other numbers above 1, or nothing but 0 and 1 twice in a row.
 *
 * @param rows Shape [numRows][numColumns].
 */
export function areWeights(rows: readonly (readonly number[])[]): boolean {
  const width = rows.at(0)?.length ?? 0;
  const values = rows.flat().filter((value) => !Number.isNaN(value));
  if (width > MOST_PLACES) return true;
  const whole = values.filter(Number.isInteger);
  if (whole.length < values.length) return whole.every((value) => value <= 1);
  return width > 2 && values.every((value) => value === 0 || value === 1);
}

/**
 * Declares as many experts as there are columns of their weights.
 *
 * @throws InputError if the numbers in their names leave one out: then nothing tells which experts the columns are of.
 */
function declareExperts(builder: TraceBuilder, places: readonly string[], path: string): void {
  const gap = gapBehind(places);
  if (gap !== undefined) {
    throw new InputError(
      `${path}: found columns of experts that leave out the one behind ${gap}, expected one for every expert`,
      "Maybe add columns of 0 for experts that no token chose.",
    );
  }
  builder.declare(path, { numExperts: places.length });
}

/** One column of experts: lists of those of a token or of many, or one in every row. */
function takeExperts(
  builder: TraceBuilder,
  roles: TableRoles & { readonly experts: string },
  path: string,
): Taker {
  const { layer, experts, rank, sequence, token } = roles;
  const lists = takeLists(
    builder,
    {
      layer,
      sequence,
      columns: [experts],
      listsOf: (row) => (isNumber(row[experts]) ? [row[experts]] : row[experts]),
    },
    path,
  );
  const long = new LongTable(builder, roles, layerInName(path));
  let isLong = false;
  return {
    columns: [...new Set([...lists.columns, ...token, ...(rank === undefined ? [] : [rank])])],
    begin(rows) {
      isLong = rows.every((row) => !isList(row[experts]));
    },
    take(row, where) {
      if (isLong) long.take(row, where);
      else lists.take(row, where);
    },
    end() {
      long.end();
    },
  };
}

/**
 * Columns for the places of a token's experts and no other, which may be those of a layer's experts.
 *
 * @throws InputError, behind the last row, if nothing tells.
 */
function takeMatrix(builder: TraceBuilder, { places }: TableRoles, path: string): Taker {
  const rows: number[][] = [];
  return {
    columns: places,
    take(row) {
      rows.push(places.map((place) => (isNumber(row[place]) ? Number(row[place]) : -1)));
    },
    end() {
      const matrix = tensorOfLists(rows);
      if (matrix === undefined) throw new InputError(`${path}: found no rows, expected at least one`);
      const layer = layerInName(path);
      const numChosen = rows.map((row) => row.filter((weight) => weight !== 0).length);
      if (
        areWeights(rows) &&
        numChosen.every((chosen) => chosen === numChosen[0] && chosen < places.length)
      ) {
        declareExperts(builder, places, path);
        const chosen = rows.map((row) => row.flatMap((weight, id) => (weight === 0 ? [] : [id])));
        appendIds(
          builder,
          layer,
          denseTensor([rows.length, numChosen[0]], Int32Array.from(chosen.flat())),
          path,
        );
        return;
      }
      const { kind } = kindOfArray(matrix, builder.options);
      if (whyLoads(matrix) !== undefined || builder.options.as !== undefined) {
        appendArray(builder, matrix, { where: path, layer });
      } else if ((kind !== "either" && kind !== "loads") || places.length < MIN_EXPERTS) {
        appendIds(builder, layer, matrix, path);
      } else refuseKind(path, matrix.shape, "either", "");
    },
  };
}

/** A column for every place of a token's experts or, with their weights, for every expert; or the loads of a layer. */
function takePlaces(
  builder: TraceBuilder,
  { layer, sequence, places, token, hasToken }: TableRoles,
  path: string,
): Taker {
  let [isDense, isLoads] = [false, false];
  const loads = new StepLoads(token);
  const layers = new RowLayers();
  const numbersOf = (row: TableRow) =>
    places.map((place) => (isNumber(row[place]) ? Number(row[place]) : NaN));
  const listsOf = (row: TableRow, where: string) => {
    const values = idsIn(
      places.map((place) => row[place]),
      where,
      isDense,
    );
    return isDense ? values.flatMap((weight, id) => (weight === 0 ? [] : [id])) : values;
  };
  const lists = takeLists(builder, { layer, sequence, columns: places, listsOf }, path);
  return {
    ...lists,
    begin(rows) {
      const numbers = rows.map(numbersOf);
      isDense = areWeights(numbers);
      const keys = rows.map((row) =>
        [layer === undefined ? "" : row[layer], ...token.map((column) => row[column])].join(),
      );
      const isOnce = layer !== undefined && new Set(keys).size === rows.length;
      isLoads = !hasToken && isOnce && numbers.flat().some((value) => value > 1);
      if (isDense && !isLoads) declareExperts(builder, places, path);
    },
    take(row, where) {
      if (isLoads) loads.add(row, layerOf(row[layer ?? ""], where, layers), [...numbersOf(row).entries()]);
      else lists.take(row, where);
    },
    end() {
      if (isLoads) loads.hand(builder, path);
    },
  };
}

interface Lists {
  readonly layer: string | undefined;
  readonly sequence: string | undefined;
  readonly columns: readonly string[];
  /** Nested lists of ids, or one. */
  readonly listsOf: (row: TableRow, where: string) => unknown;
}

function takeLists(builder: TraceBuilder, { layer, sequence, columns, listsOf }: Lists, path: string): Taker {
  const named = layerInName(path);
  const sequenceOf = new Map<number, unknown>();
  const layers = new RowLayers();
  const append = (id: number, ids: unknown, where: string) => {
    const fault = builder.append(id, idsIn(ids, where));
    if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
  };
  const begin = (id: number, ids: unknown) => {
    if (isList(ids) && ids.length > 0) builder.startSequence(id, { topK: ids.length });
  };
  return {
    columns: [...columns, ...[layer, sequence].filter((column) => column !== undefined)],
    take(row, where) {
      const lists = listsOf(row, where);
      const id = layer === undefined ? named : layerOf(row[layer], where, layers);
      const depth = depthOf(lists);
      if (depth === 1) {
        if (sequence !== undefined && sequenceOf.get(id) !== row[sequence]) begin(id, lists);
        if (sequence !== undefined) sequenceOf.set(id, row[sequence]);
        append(id, lists, where);
      } else if (depth === 2) {
        // Of one layer a row has the tokens of a request; of all layers it is a token.
        (lists as readonly unknown[]).forEach((ids, at) => {
          if (layer !== undefined && at === 0) begin(id, ids);
          append(layer === undefined ? at : id, ids, where);
        });
      } else if (depth === 3 && layer === undefined) {
        (lists as readonly (readonly unknown[])[]).forEach((token, at) => {
          token.forEach((ids, index) => {
            if (at === 0) begin(index, ids);
            append(index, ids, where);
          });
        });
      } else if (depth !== 0) {
        throw new InputError(
          `${where}: found lists ${depth} deep, expected ids, [layers][top-k] or [tokens][layers][top-k]`,
        );
      }
    },
  };
}

/** Loads of layers by rank and step, as columns tell them: ranks that counted the same tokens are told by equal steps. */
class StepLoads {
  readonly #ranks: readonly string[];
  readonly #steps: readonly string[];
  /** By rank, step and layer; experts without a row have none. */
  readonly #loads = new Map<string, Map<string, Map<number, number[]>>>();
  #numExperts = 0;

  constructor(token: readonly string[]) {
    const { ranks, steps } = apartOf(token);
    [this.#ranks, this.#steps] = [ranks, steps];
  }

  /** Adds to the loads of experts of a layer. */
  add(row: TableRow, layer: number, counts: readonly (readonly [expert: number, count: number])[]): void {
    const [rank, step] = [this.#ranks, this.#steps].map((columns) => columns.map((name) => row[name]).join());
    const steps = this.#loads.get(rank) ?? new Map<string, Map<number, number[]>>();
    const layers = steps.get(step) ?? new Map<number, number[]>();
    const load = layers.get(layer) ?? [];
    for (const [expert, count] of counts) load[expert] = (load[expert] ?? 0) + count;
    this.#numExperts = Math.max(this.#numExperts, load.length);
    this.#loads.set(rank, steps.set(step, layers.set(layer, load)));
  }

  hand(builder: TraceBuilder, path: string): void {
    // Experts without tokens may have no row.
    const length = Math.max(this.#numExperts, builder.numExperts ?? 0);
    for (const [rank, steps] of this.#loads) {
      for (const layers of steps.values()) {
        const loads = [...layers].map(
          ([id, load]) => [id, Float64Array.from({ length }, (_, at) => load[at] ?? 0)] as const,
        );
        builder.addStep(this.#ranks.length > 0 ? `${path}: rank ${rank}` : path, loads);
      }
    }
  }
}

function takeLoads(
  builder: TraceBuilder,
  { layer, expert, count, token }: { layer: string; expert: string; count: string; token: readonly string[] },
  path: string,
): Taker {
  const loads = new StepLoads(token);
  const layers = new RowLayers();
  return {
    columns: [...new Set([layer, expert, count, ...token])],
    take(row, where) {
      const [id, times] = [expert, count].map((column) =>
        isNumber(row[column]) ? Number(row[column]) : NaN,
      );
      if (!(Number.isInteger(id) && id >= 0 && id < 65535)) {
        throw wrongNumber(row[expert], where, { name: "expert ", expected: "[0, 65535)" });
      }
      if (Number.isNaN(times)) throw wrongNumber(row[count], where, { name: "count ", expected: "a number" });
      loads.add(row, layerOf(row[layer], where, layers), [[id, times]]);
    },
    end() {
      loads.hand(builder, path);
    },
  };
}
