import { basename } from "node:path";

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

/** Whether a name is one of layers. */
export function isLayerName(name: string): boolean {
  return /layer|block|(^|\.)h\.\d/i.test(name);
}
