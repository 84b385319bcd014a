import { InputError } from "../errors.js";
import { isConstant } from "./constant.js";
import { listConstants, type Hardware } from "./hardware.js";
import { parseHardware } from "./parse.js";

/**
 * The same machine with other constants.
 *
 * @param constants By path, for instance `links.root.bytesPerNs`; every one counts as given by the user.
 * @throws InputError if the machine has no such constant, or the number cannot be one.
 *
 * @example
 * const fast = await overrideHardware(findHardware("mozart-qwen3"), { "links.root.bytesPerNs": 64 });
 * fast.links.root.bytesPerNs.value; // 64
 */
export async function overrideHardware(
  hardware: Hardware,
  constants: Readonly<Record<string, number>>,
): Promise<Hardware> {
  const known = listConstants(hardware).map(({ path }) => path);
  // Links that are one object in a preset part here; structuredClone would keep them one.
  const changed = JSON.parse(JSON.stringify(hardware)) as Record<string, unknown>;
  for (const [path, value] of Object.entries(constants)) {
    if (!known.includes(path)) {
      const last = path.split(".").at(-1) ?? "";
      const near = known.filter((name) => name.split(".").at(-1) === last);
      throw new InputError(
        `set: found ${path}, expected a constant of ${hardware.name}`,
        near.length > 0 ? `Maybe one of ${near.join(", ")}.` : undefined,
      );
    }
    const names = path.split(".");
    const last = names.pop() ?? "";
    const part = names.reduce((inner, name) => inner[name] as Record<string, unknown>, changed);
    if (isConstant(part[last])) part[last] = { value, source: "given", trust: "given" };
  }
  return parseHardware(changed, "set");
}
