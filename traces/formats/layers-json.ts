import { InputError } from "../../lib/errors.js";
import { readJson } from "../bytes/file-bytes.js";
import type { TorchValue } from "../containers/torch-file.js";
import type { TraceFormat } from "../trace-format.js";
import { hasExperts, rolesOf } from "../table-columns.js";
import { appendNamed, isArrayName } from "./named-arrays.js";

/** Lists within lists are no deeper in any trace, and neither are objects. */
const MOST_DEEP = 32;
/** The beginning of an object, up to its first member that is more than a number or a word. */
const MEMBER = /^\s*\[?\s*\{(?:\s*"[^"]*"\s*:\s*(?:"[^"]*"|[-\w.+]+)\s*,)*\s*"([^"]*)"\s*:\s*/;
/** How pandas writes the names of columns before the rows. */
const SPLIT = /^\s*\{\s*"(columns"\s*:\s*\[|schema"\s*:\s*\{\s*"fields")/;
/** Objects within objects, up to the first array. */
const MOST_NAMES = 6;

/**
 * JSON as people write it by hand: arrays without names, tables, loads or experts as their numbers tell; the rows of every
 * layer by its number or its name, as HD-MoE has them; how often each expert of a layer was chosen; or arrays by name, such as
 * "counts".
 */
export const layersJson: TraceFormat = {
  name: "JSON of layers",
  sign: 'JSON: [[...]], {"counts": [[...]]}, {layer: [[...]]}, or {layer: {expert: count}}',
  recognises({ text }) {
    if (/^\s*\[[\s[]*[-\d]/.test(text) || SPLIT.test(text)) return true;
    const names: string[] = [];
    let [rest, object] = [text, ""];
    // Objects may be in lists.
    for (let member = MEMBER.exec(rest); member && names.length < MOST_NAMES; member = MEMBER.exec(rest)) {
      [object] = member;
      names.push(member[1]);
      rest = rest.slice(object.length);
    }
    const [last = "", ...others] = names.toReversed();
    if (/^\[[\s[]*[-\d]/.test(rest))
      return isArrayName(last) || isColumn(last) || (isNumbered(last) && others.some(isArrayName));
    if (!/^-?\d/.test(rest)) return false;
    return isNumbered(last) ? others.some(isArrayName) || others.some(isColumn) : hasExperts(namesIn(object));
  },
  async read(paths, builder, onBytes) {
    for (const path of paths) appendNamed(builder, valueOf(await readJson(path, onBytes), path), path);
  },
};

/** Whether a name is a number, of a token or an expert. */
function isNumbered(name: string): boolean {
  return /^((tok|pos|expert)\D*)?\d+$/i.test(name);
}

/** Whether a name is one of the columns by which tables tell layers and tokens, or of their experts. */
function isColumn(name: string): boolean {
  const { layer, token } = rolesOf([name]);
  return layer !== undefined || token.length > 0 || hasExperts([name]);
}

/** Names of the members of an object. */
function namesIn(object: string): string[] {
  return [...object.matchAll(/"([^"]*)"\s*:/g)].map(([, name]) => name);
}

/** JSON as arrays by name: objects become dictionaries. */
function valueOf(content: unknown, path: string, depth = 0): TorchValue {
  if (depth > MOST_DEEP) throw new InputError(`${path}: found lists within lists, expected experts or loads`);
  if (typeof content !== "object" || content === null) return content as string | number | boolean | null;
  if (Array.isArray(content)) {
    // Lists of numbers are most of a file, and are what they are.
    return content.every((value) => typeof value === "number")
      ? content
      : content.map((value) => valueOf(value, path, depth + 1));
  }
  return new Map(Object.entries(content).map(([key, value]) => [key, valueOf(value, path, depth + 1)]));
}
