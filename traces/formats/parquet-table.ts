import { InputError } from "../../lib/errors.js";
import { isParquet, openParquet, type ParquetRow, type ParquetTable } from "../containers/parquet.js";
import type { OnBytes } from "../bytes/file-bytes.js";
import type { TraceBuilder } from "../trace-builder.js";
import type { TraceFormat } from "../trace-format.js";
import { layerInName } from "./matrix-of-tokens.js";

const LAYER = /^layer(_?(id|idx|index))?$/i;
const EXPERTS =
  /^((routed|selected|activated|chosen)_experts|experts?_?(ids|indices|list)?|top_?k_(ids|indices)|top_indices|(router_)?indices)$/i;
const SEQUENCE = /^((req|request|problem|sequence|seq|prompt|sample|doc|conversation)_?(id|idx)?|rid)$/i;
const PLACE = /^(expert|topk|top_k|e)_?\d+$/i;
const EXPERT = /^expert(_?(id|idx))?$/i;
const COUNT = /^(count|load|tokens|num_tokens)$/i;
/** More columns of experts are one for every expert. */
const MOST_PLACES = 24;

/**
 * A Parquet file, as data sets of Hugging Face are: a row for every layer and token with the list of its experts, or a
 * column for every place or every expert; a row for every token or request with nested lists [layers][top-k] or
 * [tokens][layers][top-k]; or a row for every layer and expert with how often it was chosen.
 */
export const parquetTable: TraceFormat = {
  name: "Parquet",
  sign: "PAR1, and columns such as layer and experts, or routed_experts",
  recognises: ({ bytes }) => isParquet(bytes),
  async read(paths, builder, onBytes) {
    for (const path of paths) await readFile(path, builder, onBytes);
  },
};

async function readFile(path: string, builder: TraceBuilder, onBytes: OnBytes): Promise<void> {
  const table = await openParquet(path, onBytes);
  try {
    const taker = takerOf(table, builder, path);
    let row = 0;
    for await (const rows of table.rows(taker.columns)) {
      for (const values of rows) taker.take(values, `${path}: row ${row++}`);
    }
    taker.end?.();
  } finally {
    await table.close();
  }
}

/** How the rows of a table are taken. */
interface Taker {
  readonly columns: readonly string[];
  take(row: ParquetRow, where: string): void;
  /** Called behind the last row. */
  end?(): void;
}

function takerOf(table: ParquetTable, builder: TraceBuilder, path: string): Taker {
  const find = (name: RegExp) => table.columns.find((column) => name.test(column));
  const [layer, expert, count] = [find(LAYER), find(EXPERT), find(COUNT)];
  if (layer !== undefined && expert !== undefined && count !== undefined) {
    return takeLoads(builder, { layer, expert, count }, path);
  }
  const experts = find(EXPERTS);
  const sequence = find(SEQUENCE);
  const places = table.columns.filter((column) => PLACE.test(column));
  if (experts === undefined && places.length > 0) {
    const isDense = places.length > MOST_PLACES || places.some((place) => table.floats.has(place));
    const idsOf = (row: ParquetRow, where: string) => {
      const values = idsIn(
        places.map((place) => row[place]),
        where,
        isDense,
      );
      return isDense ? values.flatMap((weight, id) => (weight === 0 ? [] : [id])) : values;
    };
    if (isDense) builder.declare(path, { numExperts: places.length });
    return takeLists(builder, { layer, sequence, columns: places, listsOf: idsOf }, path);
  }
  if (experts === undefined) {
    throw new InputError(
      `${path}: found columns ${table.columns.slice(0, 20).join(", ")}, expected layer and experts, or routed_experts`,
      "Maybe rename the column with the lists of experts to experts.",
    );
  }
  return takeLists(builder, { layer, sequence, columns: [experts], listsOf: (row) => row[experts] }, path);
}

interface Lists {
  readonly layer: string | undefined;
  readonly sequence: string | undefined;
  readonly columns: readonly string[];
  /** Nested lists of ids, or one. */
  readonly listsOf: (row: ParquetRow, where: string) => unknown;
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
      const [id, times] = [Number(row[expert]), Number(row[count])];
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
  const layer = Number(value);
  if (value !== null && Number.isInteger(layer) && layer >= 0) return layer;
  throw new InputError(`${where}: found layer ${String(value)}, expected a whole number`);
}

/** The numbers of a list of ids. */
function idsIn(ids: unknown, where: string, areWeights = false): number[] {
  if (!isList(ids)) throw new InputError(`${where}: found ${typeof ids}, expected a list of experts`);
  return Array.from(ids, (value) => {
    const id = typeof value === "bigint" || typeof value === "number" ? Number(value) : NaN;
    if (areWeights ? Number.isFinite(id) : Number.isInteger(id)) return id;
    throw new InputError(`${where}: found ${String(value)}, expected the number of an expert`);
  });
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
