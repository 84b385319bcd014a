import { basename } from "node:path";

/** The layer that the name of a file tells, 0 where it tells none. */
export function layerInName(path: string): number {
  return Number(/layer[_-]?(\d+)/i.exec(basename(path))?.[1] ?? 0);
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
