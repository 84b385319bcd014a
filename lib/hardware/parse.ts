import type { core } from "zod";
import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import { checkChiplets, type Hardware } from "./hardware.js";

/**
 * Reads a machine from the value of a JSON file.
 *
 * @param where Name of the file, for the messages.
 * @throws InputError that names the first field which is missing, unknown or wrong.
 *
 * @example
 * await parseHardware({ name: "half a machine" }, "hw.json"); // InputError "hw.json: missing field numGroups, expected a whole number above 0"
 */
export async function parseHardware(json: unknown, where: string): Promise<Hardware> {
  // The schema library takes a tenth of a second to load, which runs without a hardware file need not wait for.
  const { hardwareSchema } = await import("./schema.js");
  const parsed = hardwareSchema.safeParse(json);
  if (!parsed.success) throw new InputError(`${where}: ${describeIssue(parsed.error.issues[0], json)}`);
  // What a memory belongs to and how it forwards is said of those of chiplets alone.
  const { bytes, bytesPerNs, pjPerBit } = parsed.data.memory;
  const {
    root = parsed.data.chiplet,
    rootMemory = { bytes, bytesPerNs, pjPerBit },
    links,
    ...rest
  } = parsed.data;
  const { mesh, numGroups, chipletsPerGroup, tokensStart } = rest;
  checkChiplets(where, numGroups * chipletsPerGroup);
  if (mesh === undefined && links.root === undefined) {
    throw new InputError(`${where}: missing field links.root, expected an object`);
  }
  if (
    mesh !== undefined &&
    (numGroups !== 1 || tokensStart === "root" || chipletsPerGroup % mesh.columns !== 0)
  ) {
    throw new InputError(
      `${where}: found a mesh of ${mesh.columns} columns with ${numGroups} groups of ${chipletsPerGroup} chiplets and tokens ` +
        `that start ${tokensStart === "root" ? "at the root" : tokensStart}, expected one group of whole rows, and tokens that start everywhere`,
    );
  }
  return { ...rest, links: { root: links.root ?? links.chiplet, chiplet: links.chiplet }, root, rootMemory };
}

/** The JSON Schema of hardware files. */
export async function hardwareJsonSchema(): Promise<object> {
  const [{ toJSONSchema }, { hardwareSchema }] = await Promise.all([import("zod"), import("./schema.js")]);
  return toJSONSchema(hardwareSchema, { io: "input" });
}

function describeIssue(issue: core.$ZodIssue, json: unknown): string {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return `unknown field ${[...issue.path, issue.keys[0]].join(".")}, expected none of that name`;
  }
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    json,
  );
  if (path === "") return `found ${describeValue(found)}, expected ${issue.message}`;
  if (found === undefined) return `missing field ${path}, expected ${issue.message}`;
  return `field ${path} is ${describeValue(found)}, expected ${issue.message}`;
}
