import * as z from "zod";
import { DISPATCH_MODELS } from "../placement/dispatch.js";
import { PHASES, TRANSPORTS } from "../hardware/workload.js";

/**
 * The schema of a sweep's configuration. An issue's message is what was expected. Wherever a machine takes a list, every
 * value of it is a machine of its own.
 */
const whole = (least: number) =>
  z
    .int({ error: `a whole number of at least ${least}` })
    .check(z.gte(least, { error: `a whole number of at least ${least}` }));
const number = z.number({ error: "a number" });
const text = z.string({ error: "a text" });
const oneOrMore = <T extends z.ZodType>(value: T) => z.union([value, z.array(value).min(1)]);
const listOf = <T extends z.ZodType>(value: T) =>
  z.array(value, { error: "a list" }).min(1, { error: "at least one" });
const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `one of ${values.join(", ")}` });

const trace = z.union([
  text.transform((file) => ({ name: file, files: [file] })),
  z.strictObject({ name: text, files: listOf(text) }),
]);

const machine = z.strictObject({
  /** Presets or files. */
  hardware: oneOrMore(text).optional(),
  chiplets: oneOrMore(whole(1)).optional(),
  groups: oneOrMore(whole(1)).optional(),
  /** Constants of the machine by their path. */
  set: z.record(text, oneOrMore(number)).optional(),
  /** Silicon, where it is to be weighed: a part that is always there, and that of every chiplet group and chiplet. */
  areaMm2: z
    .strictObject({ fixed: number.default(0), perGroup: number.default(0), perChiplet: number.default(0) })
    .optional(),
});

const workload = z.union([
  choice(PHASES).transform((phase) => ({ name: phase, workload: phase })),
  z.strictObject({
    name: text,
    workload: choice(PHASES),
    transport: choice(TRANSPORTS).optional(),
    tokens: whole(1).optional(),
    promptLength: whole(1).optional(),
    kvLength: whole(1).optional(),
    microBatches: whole(1).optional(),
  }),
]);

export const sweepSchema = z.strictObject({
  traces: listOf(trace),
  layers: listOf(whole(0)).optional(),
  model: text.optional(),
  machines: listOf(machine).default([{}]),
  workloads: listOf(workload).optional(),
  /** Of every point as `chooseObjective` has it, unless told. */
  objectives: listOf(choice(["traffic", "balance", "time"])).optional(),
  /** Engines that placements are for, which say how copies travel and how replicas are chosen. */
  for: oneOrMore(text).optional(),
  /** How replicas are chosen, unless an engine says. */
  dispatch: oneOrMore(choice(DISPATCH_MODELS)).optional(),
  replicas: listOf(whole(0)).default([0]),
  slots: whole(1).optional(),
  maxLoad: number.check(z.gte(1, { error: "a number of at least 1" })).optional(),
  solvers: listOf(text).default(["auto"]),
  holdout: number
    .check(z.gte(0, { error: "a share in [0, 1)" }), z.lt(1, { error: "a share in [0, 1)" }))
    .default(0.25),
  seed: whole(0).default(1),
});
