import { InputError } from "../errors.js";
import { expertBytes } from "../hardware/model-shapes.js";
import { weightBytesOf } from "../performance/piece.js";
import type { Placement } from "../placement/placement.js";
import type { Solver, SolverOptions } from "../placement/solver.js";
import type { SplitTrace } from "../trace/holdout.js";
import { largest, mean, sum } from "../statistics.js";
import { judge } from "./judge.js";
import { describeFailure, placeTrace } from "./place.js";
import { poseFor, type PlacementRequest, type PosedMachine } from "./pose.js";

/** Names of what a point of a grid is made of. */
export interface PointNames {
  readonly trace: string;
  readonly machine: string;
  readonly workload: string;
  /** That it is placed for, where one is named. */
  readonly engine?: string | undefined;
}

/** One point of a grid: what is placed, on what, how, and by whom. */
export interface SweepPoint {
  readonly names: PointNames;
  readonly split: SplitTrace;
  readonly machine: PosedMachine;
  readonly request: PlacementRequest;
  readonly solver: Solver;
  /** Silicon of the whole machine, where it is known. */
  readonly areaMm2?: number | undefined;
}

/** What a sweep is going to do. */
export interface SweepPlan {
  readonly numPoints: number;
  /** Layers of all points. */
  readonly numLayers: number;
  /** Layers that differ, and so are solved: points that differ in nothing the solver is told share theirs. */
  readonly numJobs: number;
  /** Seconds of one core that all of them are estimated to take; null where of some it is not known. */
  readonly coreSeconds: number | null;
}

/** A layer to estimate the time of. */
export interface JobSize {
  readonly solver: string;
  readonly objective: NonNullable<PlacementRequest["objective"]>;
  readonly numExperts: number;
  readonly numTokens: number;
  readonly hasReplicas: boolean;
}

/** One point in numbers: a row of the table. Undefined is what is not known. */
export interface SweepRow extends PointNames {
  readonly numChiplets: number;
  /** Of a step, of all chiplets; undefined where the sizes of the model are not known. */
  readonly stepTokens: number | undefined;
  readonly objective: string;
  /** How replicas are chosen. */
  readonly dispatch: string;
  readonly numReplicas: number;
  readonly solver: string;
  /** Failed where a solver broke, which is a bug: other points go on. */
  readonly status: "optimal" | "feasible" | "infeasible" | "undecided" | "failed";
  /** On the tokens held out, or else learned from, as all that follows. */
  readonly tokenReplication: number | undefined;
  readonly loadMaxOverMean: number | undefined;
  readonly stepNs: number | undefined;
  readonly stepPj: number | undefined;
  /** Mean of the proved bounds of the layers, where all have one; of the tokens learned from. */
  readonly bound: number | undefined;
  /** Weights of the experts on the fullest chiplet, of all MoE layers of the model. */
  readonly weightBytes: number | undefined;
  readonly areaMm2: number | undefined;
  readonly reason: string | undefined;
}

/** Options of {@link runSweep}. */
export interface SweepOptions {
  readonly solverOptions: Omit<SolverOptions, "onProgress">;
  /** Layers of a point that are solved at once; default all. */
  readonly concurrency?: number;
  /** Points that are worked on at once; default 1. */
  readonly pointsAtOnce?: number;
  /** Told of every point that is done, by its number, in the order in which they end. */
  readonly onPoint?: (index: number) => void;
}

/** Seconds that a layer is estimated to take; undefined where that is not known. */
export type Estimate = (size: JobSize) => number | undefined;

/** Counts what a sweep is to solve, and estimates how long that takes. */
export function planSweep(points: readonly SweepPoint[], estimate: Estimate): SweepPlan {
  const jobs = new Map<string, number | undefined>();
  for (const point of points) for (const [key, seconds] of jobsOf(point, estimate)) jobs.set(key, seconds);
  return {
    numPoints: points.length,
    numLayers: sum(points.map(({ split }) => split.learn.layers.length)),
    numJobs: jobs.size,
    coreSeconds: knownSum([START_SECONDS, ...jobs.values(), ...points.map(judgeSeconds)]) ?? null,
  };
}

/** To begin: starting threads, and the first point before its code is compiled. As measured. */
const START_SECONDS = 2;

/** A layer, and every token of it, to be counted before and after it is solved: patterns, verification, traffic, time. As measured. */
const JUDGE_SECONDS_OF_LAYER = 0.02;
const JUDGE_SECONDS_OF_TOKEN = 4e-6;

/**
 * Estimates the seconds of one core that every point takes, in order: of points that share a layer, the first one solves it.
 *
 * @returns Shape [numPoints]; undefined for those of which it is not known.
 */
export function estimatePoints(points: readonly SweepPoint[], estimate: Estimate): (number | undefined)[] {
  const known = new Set<string>();
  return points.map((point) => {
    const fresh = [...jobsOf(point, estimate)].filter(([key]) => !known.has(key));
    for (const [key] of fresh) known.add(key);
    return knownSum([judgeSeconds(point), ...fresh.map(([, seconds]) => seconds)]);
  });
}

function knownSum(seconds: readonly (number | undefined)[]): number | undefined {
  const known = seconds.filter((value) => value !== undefined);
  return known.length < seconds.length ? undefined : sum(known);
}

/** Estimated seconds of all that is done with a point but solving it, which points do not share. */
function judgeSeconds({ split: { learn, heldOut } }: SweepPoint): number {
  const layers = [...learn.layers, ...(heldOut?.layers ?? [])];
  return sum(layers.map(({ numTokens }) => JUDGE_SECONDS_OF_LAYER + JUDGE_SECONDS_OF_TOKEN * numTokens));
}

/** Estimated seconds of every layer of a point, by all that a solver is told of it. */
function jobsOf(
  { names, split, machine, request, solver }: SweepPoint,
  estimate: Estimate,
): Map<string, number | undefined> {
  const { layers, numExperts } = split.learn;
  const posing = poseFor(split.learn, machine, request);
  const { objective = "traffic" } = request;
  const hasReplicas = (posing.numReplicas ?? 0) > 0;
  return new Map(
    layers.map(({ layer, numTokens }) => [
      JSON.stringify([names.trace, layer, solver.name, posing]),
      estimate({ solver: solver.name, objective, numExperts, numTokens, hasReplicas }),
    ]),
  );
}

/**
 * Places, judges and measures every point of a grid.
 *
 * @returns A row a point, in the order of the points; those that an aborted signal left undone are missing.
 */
export async function runSweep(
  points: readonly SweepPoint[],
  { solverOptions, concurrency, pointsAtOnce = 1, onPoint }: SweepOptions,
): Promise<SweepRow[]> {
  const rows: (SweepRow | undefined)[] = [];
  let next = 0;
  const work = async () => {
    while (next < points.length && !solverOptions.signal?.aborted) {
      const index = next++;
      const row = await runPoint(points[index], {
        solverOptions,
        ...(concurrency !== undefined && { concurrency }),
      });
      // What was cut short would be compared with what others finished.
      if (solverOptions.signal?.aborted) return;
      rows[index] = row;
      onPoint?.(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(pointsAtOnce, points.length) }, work));
  return rows.filter((row) => row !== undefined);
}

async function runPoint(
  point: SweepPoint,
  options: Pick<SweepOptions, "solverOptions" | "concurrency">,
): Promise<SweepRow> {
  const { names, split, machine, request, solver, areaMm2 } = point;
  const posing = poseFor(split.learn, machine, request);
  const known = {
    ...names,
    numChiplets: posing.numChiplets,
    stepTokens: machine.workload && machine.workload.tokensPerChiplet * posing.numChiplets,
    objective: posing.objective?.minimise ?? "traffic",
    dispatch: String(posing.dispatch),
    numReplicas: posing.numReplicas ?? 0,
    areaMm2,
  };
  const outcome = await placeTrace(split.learn, { ...options, posing, solver }).catch(asFailure);
  if (outcome instanceof Error) {
    return { ...known, ...NOTHING, solver: solver.name, status: "failed", reason: outcome.message };
  }
  if (outcome.status !== "placed") {
    return {
      ...known,
      ...NOTHING,
      solver: solver.name,
      status: outcome.status,
      reason: describeFailure(outcome),
    };
  }
  const { learned, heldOut = learned } = judge(outcome.placement, split, machine);
  const { layers } = outcome.placement;
  const bounds = layers.flatMap(({ bound }) => bound ?? []);
  return {
    ...known,
    solver: outcome.solver,
    status: layers.every(({ status }) => status === "optimal") ? "optimal" : "feasible",
    tokenReplication: heldOut.mean.tokenReplication,
    loadMaxOverMean: heldOut.mean.loadMaxOverMean,
    stepNs: heldOut.step?.stepNs,
    stepPj: heldOut.step?.stepPj,
    bound: bounds.length === layers.length ? mean(bounds) : undefined,
    weightBytes: fullestBytes(layers, machine),
    reason: undefined,
  };
}

/** A bug in a solver, or a worker that broke; bad input ends the sweep. */
function asFailure(error: unknown): Error {
  if (error instanceof InputError || !(error instanceof Error)) throw error;
  return error;
}

const NOTHING = {
  tokenReplication: undefined,
  loadMaxOverMean: undefined,
  stepNs: undefined,
  stepPj: undefined,
  bound: undefined,
  weightBytes: undefined,
};

function fullestBytes(layers: Placement["layers"], machine: PosedMachine): number | undefined {
  const { shape, workload } = machine;
  if (shape === undefined || workload === undefined) return undefined;
  const held = layers[0].chiplets.map((_, chiplet) =>
    sum(layers.map(({ chiplets }) => chiplets[chiplet].length)),
  );
  const ofModel = shape.numMoeLayers / layers.length;
  return largest(held) * ofModel * expertBytes(shape, weightBytesOf(shape, workload));
}

/** What time is weighed against. */
export type Weighed = "stepPj" | "areaMm2" | "weightBytes";

/** Rows whose steps do the same, and so can be compared in time: of one trace, one workload and as many tokens. */
export function comparableRows<Row extends SweepRow>(rows: readonly Row[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.trace, row.workload, row.stepTokens]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

/**
 * The rows of some that are comparable that no other row beats in both time and a second figure; of equal rows the first. Rows without either figure
 * are left out.
 *
 * @returns By ascending time.
 */
export function paretoFront(rows: readonly SweepRow[], weighed: Weighed): SweepRow[] {
  const measured = rows
    .filter((row) => row.stepNs !== undefined && row[weighed] !== undefined)
    .sort((a, b) => timeOf(a) - timeOf(b) || (a[weighed] ?? 0) - (b[weighed] ?? 0));
  let least = Infinity;
  return measured.filter((row) => {
    const figure = row[weighed] ?? Infinity;
    if (figure >= least) return false;
    least = figure;
    return true;
  });
}

function timeOf({ stepNs = Infinity }: SweepRow): number {
  return stepNs;
}
