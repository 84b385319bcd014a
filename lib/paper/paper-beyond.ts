/**
 * What moeplace adds to Mozart-C on the paper's machines: its own placement, then its chunked schedule.
 *
 * The paper's traces are not public. What a placement is worth is measured on the ESFT traces (DeepSeek-V2-Lite, the
 * shape of the paper's DeepSeek model) and carried over to all three models.
 */
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import type { Chiplets } from "../placement/placement.js";
import { InputError } from "../errors.js";
import { DEFAULT_SOLVER_OPTIONS, type Solver } from "../placement/solver.js";
import { placeTrace } from "../flows/place.js";
import { evaluateTraffic } from "../flows/layer-metrics.js";
import { splitHoldout, type RoutingTrace } from "../trace/routing-trace.js";
import { scheduleStep, STEP_CONFIGURATIONS } from "../schedule/schedule-step.js";
import { collectPatterns } from "../trace/token-patterns.js";
import {
  chunkedSeconds,
  GROUP_REPLICATION_OF_C,
  machineOf,
  paperModels,
  stepSeconds,
  type PaperModel,
} from "./paper-model.js";
import { columnsOf, type PaperTable } from "./paper-table.js";
import { mean } from "../statistics.js";

const WAFER = { numChiplets: 16, numGroups: 4 };
const HELD_OUT = 0.25;

/** Solvers compared: the default placement, the paper's (Algorithm 1 and equation 5), and moeplace's. */
const SOLVERS = ["contiguous", "mozart", "exact"] as const;

/** The chiplets of exact, their groups chosen as the paper does: by equal load rather than by common tokens. */
const REGROUPED = "exact, groups by load";

/** Traffic of the held-out tokens of one task, every layer, under every placement. */
interface JudgedTask {
  readonly name: string;
  readonly traffic: ReadonlyMap<string, readonly LayerTraffic[]>;
}

/** What is placed, and by what. */
export interface BeyondInput {
  /** Traces of a model of the shape of the paper's DeepSeek, a task each. */
  readonly tasks: readonly { readonly name: string; readonly trace: RoutingTrace }[];
  readonly solverOf: (name: "contiguous" | "mozart" | "exact") => Solver;
  /** Deals the loads of chiplets into groups of so many; indices of the chiplets of every group. */
  readonly balanceLoads: (loads: readonly number[], chipletsPerGroup: number) => readonly number[][];
}

/**
 * Placements of the tasks' tokens, learned on the first 75 % and judged on the last 25 %, and what they are worth.
 *
 * @throws InputError if a trace is of another shape.
 */
export async function beyondTables(input: BeyondInput): Promise<PaperTable[]> {
  const { numExperts, topK } = paperModels[2].shape;
  for (const { name, trace } of input.tasks) {
    if (trace.numExperts === numExperts && trace.topK === topK) continue;
    throw new InputError(
      `${name}: found ${trace.numExperts} experts, top-${trace.topK}, ` +
        `expected ${numExperts} and top-${topK} as in the paper's DeepSeek model`,
    );
  }
  const tasks: JudgedTask[] = [];
  for (const task of input.tasks) tasks.push(await judge(task, input));
  const exact = quotients(tasks, { of: "exact", over: "mozart" });
  const groups = quotients(tasks, { of: "mozart", over: "contiguous" }).groups;
  return [
    {
      title: "Placements on real tokens: learned on the first 75 %, judged on the last 25 %",
      columns: columnsOf(["trace", "placement", "C_T", "C_G", "max load"], { texts: 2 }),
      rows: tasks.flatMap(({ name, traffic }) =>
        [...traffic].map(([solver, layers]) => [name, solver, ...figuresOf(layers)]),
      ),
      note:
        `Mean of the quotients exact / mozart: C_T ${exact.tokens.toFixed(3)}, C_G ${exact.groups.toFixed(3)}. ` +
        `C_G of mozart / contiguous: ${groups.toFixed(3)} (in use for the paper's C: ${GROUP_REPLICATION_OF_C}).`,
    },
    ...(["calibrated", "printed"] as const).map((variant) => paperMachines(variant, exact)),
    realTokens(tasks),
  ];
}

async function judge(
  { name, trace }: BeyondInput["tasks"][number],
  { solverOf, balanceLoads }: BeyondInput,
): Promise<JudgedTask> {
  const { learn, heldOut } = splitHoldout(trace, HELD_OUT);
  const traffic = new Map<string, readonly LayerTraffic[]>();
  for (const solverName of SOLVERS) {
    const outcome = await placeTrace(learn, {
      posing: WAFER,
      solver: solverOf(solverName),
      solverOptions: DEFAULT_SOLVER_OPTIONS,
    });
    if (outcome.status !== "placed") throw new Error(`${solverName}: ${outcome.status}`);
    const { layers } = outcome.placement;
    traffic.set(solverName, countLayers(heldOut, layers));
    if (solverName !== "exact") continue;
    const regrouped = countLayers(learn, layers).map(({ chipletLoad, chipletsPerGroup }, index) => ({
      chiplets: balanceLoads([...chipletLoad], chipletsPerGroup)
        .flat()
        .map((chiplet) => layers[index].chiplets[chiplet]),
    }));
    traffic.set(REGROUPED, countLayers(heldOut, regrouped));
  }
  return { name, traffic };
}

function countLayers(trace: RoutingTrace, layers: readonly { chiplets: Chiplets }[]): LayerTraffic[] {
  const { numChiplets, numGroups } = WAFER;
  return trace.layers.map((layer, index) =>
    countTraffic(collectPatterns(layer, trace), layers[index].chiplets, {
      chipletsPerGroup: numChiplets / numGroups,
    }),
  );
}

/** Mean over tasks of the quotient of two placements' C_T and C_G. */
function quotients(
  tasks: readonly JudgedTask[],
  { of, over }: { of: string; over: string },
): { tokens: number; groups: number } {
  const meanRatio = (pick: (layers: readonly LayerTraffic[]) => number) =>
    mean(tasks.map(({ traffic }) => pick(traffic.get(of) ?? []) / pick(traffic.get(over) ?? [])));
  return {
    tokens: meanRatio((layers) => figuresOf(layers)[0]),
    groups: meanRatio((layers) => figuresOf(layers)[1]),
  };
}

/** Mean C_T, C_G and largest over mean load of layers. */
function figuresOf(layers: readonly LayerTraffic[]): [number, number, number] {
  const metrics = layers.map((traffic) => evaluateTraffic(traffic));
  return [
    mean(metrics.map(({ tokenReplication }) => tokenReplication)),
    mean(metrics.map(({ groupReplication }) => groupReplication)),
    mean(metrics.map(({ loadMaxOverMean }) => loadMaxOverMean)),
  ];
}

/**
 * The paper's own figures, its C_T of C (and the C_G assumed for it) times the measured quotients.
 *
 * Assumed: the quotient measured on DeepSeek-V2-Lite holds for all three models, and loads stay even, as everywhere
 * in this comparison: the paper prints none.
 */
function paperMachines(
  variant: "calibrated" | "printed",
  exact: { tokens: number; groups: number },
): PaperTable {
  return {
    title: `Beyond Mozart-C, constants as ${variant}: seconds of a step`,
    columns: columnsOf(
      [
        "model",
        "C_T of C",
        "own C_T",
        "Mozart-C",
        "own placement",
        "Mozart-C, chunked",
        "own, chunked",
        "chunks",
        "own placement over C",
        "own, chunked over C",
      ],
      { texts: 1 },
    ),
    rows: paperModels.map((model) => {
      const mozart = { model, hardware: machineOf(model, variant), run: "C" } as const;
      const own = { ...mozart, ...ownReplication(model, exact) };
      const [seconds, ownSeconds] = [mozart, own].map(stepSeconds);
      const [chunked, ownChunked] = [mozart, own].map(chunkedSeconds);
      return [
        model.shape.name,
        model.tokenReplication.C,
        own.tokenReplication,
        seconds,
        ownSeconds,
        chunked.seconds,
        ownChunked.seconds,
        String(ownChunked.chunks),
        times(seconds / ownSeconds),
        times(seconds / ownChunked.seconds),
      ];
    }),
  };
}

function ownReplication(model: PaperModel, exact: { tokens: number; groups: number }) {
  return { tokenReplication: model.tokenReplication.C * exact.tokens, groupQuotient: exact.groups };
}

/** The same without carrying anything over: held-out tokens with their real loads, on the paper's DeepSeek machine. */
function realTokens(tasks: readonly JudgedTask[]): PaperTable {
  const { hardware: name, shape } = paperModels[2];
  const machine = { hardware: machineOf(paperModels[2], "calibrated"), shape };
  const counts = tasks.flatMap(({ traffic }) => [...traffic.values()].map(({ length }) => length));
  const numLayers = [...new Set(counts)].join(" or ");
  const rows = tasks.flatMap(({ name: task, traffic }) => {
    let mozartNs = 0;
    return [...traffic].flatMap(([solver, layers]) => {
      if (solver === "contiguous") return [];
      const [asC, chunked] = [STEP_CONFIGURATIONS.C, STEP_CONFIGURATIONS.chunked].map(
        (configuration) => scheduleStep(layers, { ...machine, configuration }).makespanNs,
      );
      if (solver === "mozart") mozartNs = asC;
      return [[task, solver, asC / 1e9, chunked / 1e9, times(mozartNs / asC), times(mozartNs / chunked)]];
    });
  });
  return {
    title: `Held-out tokens with their real loads on ${name}-calibrated: seconds of a step of ${numLayers} layers`,
    columns: columnsOf(
      ["trace", "placement", "as C", "chunked", "as C over Mozart-C", "chunked over Mozart-C"],
      { texts: 2 },
    ),
    rows,
  };
}

function times(quotient: number): string {
  return `${quotient.toFixed(3)}x`;
}
