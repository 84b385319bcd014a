import { basename } from "node:path";
import { InputError } from "../lib/errors.js";

/** How names of files tell a layer: `layer_3`, `model.layers.3.mlp`, `block3`, `h.3`. */
const IN_NAME = [/(?:layers?|blocks?)[^a-z\d]{0,2}(\d+)/i, /(?:^|[^a-z])h\.(\d+)/];

/** The layer that the name of a file tells, 0 where it tells none. */
export function layerInName(path: string): number {
  return layerToldIn(path) ?? 0;
}

/** The layer that the name of a file tells, undefined where it tells none. */
export function layerToldIn(path: string): number | undefined {
  const found = IN_NAME.map((pattern) => pattern.exec(basename(path))?.[1]).find((one) => one !== undefined);
  return found === undefined ? undefined : Number(found);
}

/** What to say of files that are of one layer each, if no name tells which: all are taken for layer 0. */
export function untoldLayers(paths: readonly string[]): string | undefined {
  if (paths.length < 2 || paths.some((path) => layerToldIn(path) !== undefined)) return undefined;
  return (
    `${basename(paths[0])} and ${paths.length - 1} more files were taken for tokens of layer 0, as no name tells a layer: where ` +
    "they are of several, name them layer_0, layer_1 ..."
  );
}

/** The layer of a key: a number, or the one in a name, behind the word layer or block where it has several; and the rest of it. */
export function layerInKey(key: unknown): { layer: number; rest: string } | undefined {
  if (typeof key === "number") return { layer: key, rest: "" };
  if (typeof key !== "string") return undefined;
  const found =
    /^(.*(?:layers?|blocks?|\bh)[^a-z\d]{0,2})(\d+)(.*)$/i.exec(key) ?? /^(.*?)(\d+)(\D*)$/.exec(key);
  return found ? { layer: Number(found[2]), rest: found[1] + found[3] } : undefined;
}

/** The layers of rows, told by numbers or by names such as `model.layers.3.mlp`. */
export class RowLayers {
  /** By the number of a layer: what else its name says. */
  readonly #restOf = new Map<number, string>();

  /**
   * The number of a layer; undefined where a value is none.
   *
   * @throws InputError if two names have the same number, as those of an encoder and a decoder do.
   */
  numberOf(value: unknown, where: string): number | undefined {
    // Text may be a number, but none that is written in another way than people do.
    const told = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
    if (typeof told === "number" || typeof told === "bigint") {
      const layer = Number(told);
      return Number.isInteger(layer) && layer >= 0 ? layer : undefined;
    }
    const named = typeof told === "string" && isLayerName(told) ? layerInKey(told) : undefined;
    if (named === undefined) return undefined;
    const { layer, rest } = named;
    const known = this.#restOf.get(layer) ?? rest;
    this.#restOf.set(layer, known);
    if (known === rest) return layer;
    throw new InputError(
      `${where}: found layer ${String(told).slice(0, 60)} beside another name of layer ${layer}, expected one stack of layers`,
      "Maybe keep the rows of one of them alone, such as those of the decoder.",
    );
  }
}

/** Whether a name is one of layers. */
export function isLayerName(name: string): boolean {
  return /layer|block|(^|\.)h\.\d/i.test(name);
}
