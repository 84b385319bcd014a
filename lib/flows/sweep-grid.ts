import { nearestName } from "../unknown-name.js";
import type { z } from "zod";
import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import type { sweepSchema } from "./sweep-schema.js";

/** What a sweep goes over, as its file says it. */
export type SweepConfig = z.output<typeof sweepSchema>;

/** One machine of a grid. */
export interface GridMachine {
  readonly name: string;
  readonly hardware: string | undefined;
  readonly chiplets: number | undefined;
  readonly groups: number | undefined;
  readonly set: Readonly<Record<string, number>>;
  readonly areaMm2: SweepConfig["machines"][number]["areaMm2"];
}

/**
 * Reads the configuration of a sweep.
 *
 * @param config The value of a JSON or YAML file.
 * @param where Name of the file, for messages.
 * @throws InputError that names the first field which is missing, unknown or wrong.
 */
export async function parseSweep(config: unknown, where: string): Promise<SweepConfig> {
  // Loaded on first use: the schema library takes a tenth of a second to load.
  const { sweepSchema } = await import("./sweep-schema.js");
  const parsed = sweepSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const inner =
    issue.code === "invalid_union" ? issue.errors.flat().find(({ path }) => path.length > 0) : undefined;
  const path = [...issue.path, ...(inner?.path ?? [])];
  const found = path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    config,
  );
  const { message } = inner ?? issue;
  if (issue.code === "unrecognized_keys") {
    throw new InputError(
      `${where}: found field ${[...path, issue.keys[0]].join(".")}, expected none of that name`,
      fieldAdvice(issue.keys[0], path.length === 0 ? Object.keys(sweepSchema.shape) : []),
    );
  }
  throw new InputError(
    `${where}: ${path.length === 0 ? "" : `${path.join(".")}: `}found ${describeValue(found)}, expected ${message}`,
  );
}

/** The field that is likely to be meant. */
function fieldAdvice(found: string, known: readonly string[]): string | undefined {
  const near =
    known.find((name) => name.startsWith(found) || found.startsWith(name)) ?? nearestName(found, known);
  if (near !== undefined) return `Maybe you mean ${near}.`;
  return known.length > 0 ? `Maybe one of ${known.join(", ")}.` : undefined;
}

/** Every machine that the configuration lists: of every list in a machine one value at a time. */
export function gridMachines({ machines }: SweepConfig): GridMachine[] {
  return machines.flatMap(({ hardware, chiplets, groups, set = {}, areaMm2 }) => {
    const axes: [string, readonly unknown[]][] = [
      ["hardware", listed(hardware)],
      ["chiplets", listed(chiplets)],
      ["groups", listed(groups)],
      ...Object.entries(set).map(([path, values]): [string, readonly unknown[]] => [
        `set.${path}`,
        listed(values),
      ]),
    ];
    return product(axes).map((values): GridMachine => {
      const constants = [...values].flatMap(([name, value]) =>
        name.startsWith("set.") ? [[name.slice(4), value as number] as const] : [],
      );
      const known = {
        hardware: values.get("hardware") as string | undefined,
        chiplets: values.get("chiplets") as number | undefined,
        groups: values.get("groups") as number | undefined,
      };
      const parts = [
        ...(known.hardware === undefined ? [] : [known.hardware]),
        ...(known.chiplets === undefined ? [] : [`${known.chiplets} chiplets`]),
        ...(known.groups === undefined ? [] : [`${known.groups} groups`]),
        ...constants.map(([path, value]) => `${path} ${value}`),
      ];
      return {
        name: parts.length === 0 ? "default" : parts.join(", "),
        ...known,
        set: Object.fromEntries(constants),
        areaMm2,
      };
    });
  });
}

function listed<T>(values: T | readonly T[] | undefined): readonly (T | undefined)[] {
  return Array.isArray(values) ? (values as readonly T[]) : [values as T | undefined];
}

/** Every choice of one value an axis, the last axis fastest. */
function product(axes: readonly (readonly [string, readonly unknown[]])[]): Map<string, unknown>[] {
  return axes.reduce<Map<string, unknown>[]>(
    (choices, [name, values]) =>
      choices.flatMap((choice) => values.map((value) => new Map([...choice, [name, value]]))),
    [new Map<string, unknown>()],
  );
}
