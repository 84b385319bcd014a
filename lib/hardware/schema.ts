import * as z from "zod";
import type { Constant } from "./constant.js";
import { kernelSchema } from "./kernel-schema.js";

/**
 * The schema of a hardware file. An issue's message is what was expected, as {@link parseHardware} prints it.
 *
 * A constant is a number, or an object with its source and trust.
 */
const constantOf = (error: string, ...checks: z.core.$ZodCheck<number>[]) => {
  // eslint-disable-next-line no-restricted-syntax -- the arguments of this function
  const value = z.number({ error }).check(...checks);
  const withSource = z.strictObject({
    value,
    source: z.string().default("hardware file"),
    trust: z
      .enum(["printed", "measured", "data sheet", "spec target", "derived", "assumed", "fitted", "given"])
      .default("given"),
  });
  return z
    .union([value, withSource], { error })
    .transform((given): Constant =>
      typeof given === "number" ? { value: given, source: "hardware file", trust: "given" } : given,
    );
};

const amount = constantOf("a number of at least 0", z.gte(0));
const positive = constantOf("a number above 0", z.gt(0));
/** Faster and slower than any link or memory: beyond, a time is no number any more. */
const rate = constantOf("a number from 1e-6 to 1e9", z.gte(1e-6), z.lte(1e9));
const whole = constantOf("a whole number above 0", z.gt(0), z.multipleOf(1));
const share = constantOf("a number in (0, 1]", z.gt(0), z.lte(1));
const count = z
  .int({ error: "a whole number above 0" })
  .check(z.positive({ error: "a whole number above 0" }));
const text = z.string({ error: "a text" });
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => `"${value}"`).join(", ")}` });

const systolic = z.strictObject({
  kind: z.literal("systolic"),
  tiles: whole,
  arraysPerTile: whole,
  rows: whole,
  columns: whole,
  clockGhz: rate,
  dataflow: oneOf(["weight stationary", "input stationary", "output stationary"]),
  sramBytesPerTile: positive,
  sramBytesPerNsPerTile: positive,
  fp8Speedup: positive.default(unity()),
  efficiency: share.default(unity()),
});

const roofline = z.strictObject({
  kind: z.literal("roofline"),
  flopPerNs: rate,
  memoryBytesPerNs: rate,
  sramBytes: positive,
  fp8Speedup: positive.default(unity()),
  efficiency: share.default(unity()),
});

const compute = z.discriminatedUnion("kind", [systolic, roofline], {
  error: 'an object with kind "systolic" or "roofline"',
});
const memory = { bytes: positive, bytesPerNs: rate, pjPerBit: amount };
const link = object({ bytesPerNs: rate, latencyNs: amount, pjPerBit: amount });

export const hardwareSchema = object({
  name: text,
  description: text.default(""),
  numGroups: count,
  chipletsPerGroup: count,
  tokensStart: oneOf(["root", "everywhere"]),
  multicast: z.boolean({ error: "true or false" }),
  chiplet: compute,
  root: compute.optional(),
  weights: oneOf(["streamed", "resident"]),
  memory: object({
    of: oneOf(["chiplet group", "chiplet"]),
    forwarding: oneOf(["at once", "in turn"]).default("at once"),
    ...memory,
  }),
  rootMemory: object(memory).optional(),
  // A mesh has no other.
  links: object({ root: link.optional(), chiplet: link }),
  mesh: object({ columns: count, portBytesPerNs: rate }).exactOptional(),
  kernels: kernelSchema(amount).exactOptional(),
  energy: object({ macPj: amount, sramPjPerByte: amount, staticWatts: amount }),
});

function object<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "invalid_type" ? "an object" : undefined),
  });
}

function unity(): Constant {
  return { value: 1, source: "default", trust: "assumed" };
}
