import { InputError } from "../lib/errors.js";
import { layerInName } from "./formats/matrix-of-tokens.js";
import type { TraceBuilder } from "./trace-builder.js";

const LAYER = /^layer(_?(id|idx|index))?$/i;
const EXPERTS =
  /^((routed|selected|activated|chosen)_experts|experts?_?(ids|indices|list)?|top_?k_(ids|indices)|top_indices|(router_)?indices)$/i;
const SEQUENCE = /^((req|request|problem|sequence|seq|prompt|sample|doc|conversation)_?(id|idx)?|rid)$/i;
const PLACE = /^(expert|topk|top_k|e)_?\d+$/i;
const EXPERT = /^expert(_?(id|idx))?$/i;
const COUNT = /^(count|load|tokens|num_tokens)$/i;
const TOKEN = /^(tok|token|position|pos|index|idx|row|t)(_?(id|idx|index|pos))?$/i;
/** More columns of experts are one for every expert. */
const MOST_PLACES = 24;

/** A row by the names of its columns. */
export type TableRow = Readonly<Record<string, unknown>>;

/** What is known of a table before its rows are read. */
export interface TableColumns {
  readonly columns: readonly string[];
}

/** How the rows of a table are taken. */
export interface Taker {
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
export function takerOf(table: TableColumns, builder: TraceBuilder, path: string): Taker {
  const find = (name: RegExp) => table.columns.find((column) => name.test(column));
  const [layer, expert, count] = [find(LAYER), find(EXPERT), find(COUNT)];
  if (layer !== undefined && expert !== undefined && count !== undefined) {
    return takeLoads(builder, { layer, expert, count }, path);
  }
  const experts = find(EXPERTS) ?? expert;
  const sequence = find(SEQUENCE);
  const places = table.columns.filter((column) => PLACE.test(column));
  if (experts === undefined && places.length > 0) {
    const hasToken = sequence !== undefined || find(TOKEN) !== undefined;
    return takePlaces(builder, { layer, sequence, places, hasToken }, path);
  }
  if (experts === undefined) {
    throw new InputError(
      `${path}: found columns ${table.columns.slice(0, 20).join(", ")}, expected layer and experts, or routed_experts`,
      "Maybe rename the column with the lists of experts to experts.",
    );
  }
  const listsOf = (row: TableRow) => (isNumber(row[experts]) ? [row[experts]] : row[experts]);
  return takeLists(builder, { layer, sequence, columns: [experts], listsOf }, path);
}

/** Whether a table has experts of tokens, or loads, as far as the names of its columns tell. */
export function hasExperts(columns: readonly string[]): boolean {
  return columns.some((column) => [EXPERTS, EXPERT, PLACE].some((names) => names.test(column)));
}

/**
 * Whether the numbers in columns of experts are weights, 0 where an expert was not chosen, rather than ids: there are many of
 * them, or fractions, or nothing but 0 and 1 twice in a row.
 *
 * @param rows Shape [numRows][numColumns].
 */
export function areWeights(rows: readonly (readonly number[])[]): boolean {
  const width = rows.at(0)?.length ?? 0;
  const values = rows.flat().filter((value) => !Number.isNaN(value));
  if (width > MOST_PLACES || values.some((value) => !Number.isInteger(value))) return true;
  return width > 2 && values.every((value) => value === 0 || value === 1);
}

/** A column for every place of a token's experts or, with their weights, for every expert; or the loads of a layer. */
function takePlaces(
  builder: TraceBuilder,
  {
    layer,
    sequence,
    places,
    hasToken,
  }: {
    layer: string | undefined;
    sequence: string | undefined;
    places: readonly string[];
    hasToken: boolean;
  },
  path: string,
): Taker {
  let [isDense, isLoads] = [false, false];
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
      const layers = rows.map((row) => String(layer === undefined ? "" : row[layer]));
      const isOnce = layer !== undefined && new Set(layers).size === rows.length;
      isLoads = !hasToken && isOnce && numbers.flat().some((value) => value > 1);
      if (isDense && !isLoads) builder.declare(path, { numExperts: places.length });
    },
    take(row, where) {
      if (isLoads)
        builder.addLoad(where, layerOf(row[layer ?? ""], where), Float64Array.from(numbersOf(row)));
      else lists.take(row, where);
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
      const id = layer === undefined ? named : layerOf(row[layer], where);
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

function takeLoads(
  builder: TraceBuilder,
  { layer, expert, count }: { layer: string; expert: string; count: string },
  path: string,
): Taker {
  const loads = new Map<number, number[]>();
  let numExperts = 0;
  return {
    columns: [layer, expert, count],
    take(row, where) {
      const [id, times] = [expert, count].map((column) =>
        isNumber(row[column]) ? Number(row[column]) : NaN,
      );
      const load = loads.get(layerOf(row[layer], where)) ?? [];
      if (!(Number.isInteger(id) && id >= 0 && id < 65535)) {
        throw new InputError(`${where}: found expert ${String(row[expert])}, expected [0, 65535)`);
      }
      load[id] = (load[id] ?? 0) + times;
      numExperts = Math.max(numExperts, load.length);
      loads.set(layerOf(row[layer], where), load);
    },
    end() {
      for (const [id, load] of loads) {
        builder.addLoad(
          path,
          id,
          Float64Array.from({ length: numExperts }, (_, at) => load[at] ?? 0),
        );
      }
    },
  };
}

function layerOf(value: unknown, where: string): number {
  // Text may be a number, but none that is written in another way than people do.
  const layer =
    isNumber(value) || (typeof value === "string" && /^\d{1,9}$/.test(value)) ? Number(value) : NaN;
  if (Number.isInteger(layer) && layer >= 0) return layer;
  throw new InputError(`${where}: found layer ${String(value)}, expected a whole number`);
}

/** The numbers of a list of ids. What is missing behind them, as tables fill rows up, is no expert. */
function idsIn(ids: unknown, where: string, areWeights = false): number[] {
  if (!isList(ids)) throw new InputError(`${where}: found ${typeof ids}, expected a list of experts`);
  const values = Array.from(ids, (value) => (isNumber(value) ? Number(value) : value));
  while (!areWeights && isMissing(values.at(-1)) && values.length > 0) values.pop();
  return values.map((id) => {
    if (typeof id === "number" && (areWeights ? Number.isFinite(id) : Number.isInteger(id))) return id;
    throw new InputError(`${where}: found ${String(id)}, expected the number of an expert`);
  });
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined || Number.isNaN(value);
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** How deep lists are nested: 0 for none and for an empty one. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let inner = value; isList(inner) && inner.length > 0; inner = inner[0]) depth++;
  return depth;
}

function isList(value: unknown): value is ArrayLike<unknown> & Iterable<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
