import { createHash } from "node:crypto";
import {
  placeTrace,
  poseFor,
  traceFrontier,
  type FrontierPoint,
  type PlaceOutcome,
  type PlaceTraceOptions,
} from "../doors/flows.js";
import { groupCapacity } from "../doors/hardware.js";
import { migrateFrom, type Solver } from "../doors/solvers.js";
import type { Placement } from "../doors/placement.js";
import type { LoadTrace, RoutingTrace } from "../doors/traces.js";
import type { Machine } from "./machine.js";
import { readBytes } from "./read-files.js";
import { makingOf, requestOf, type SolveOptions } from "./solve-options.js";
import { openRunner } from "./solver-runner.js";
import type { Terminal } from "./terminal.js";

/** Places traces in worker threads until it is closed; Ctrl-C makes it answer with the best so far. */
export interface Placer {
  /** @param near What it is to stay close to. */
  readonly place: (
    trace: RoutingTrace | LoadTrace,
    solver: Solver,
    near?: RunningLimit,
  ) => Promise<PlaceOutcome>;
  /** Traces C_T against load by placing under one cap on the load after another. */
  frontier(trace: RoutingTrace, solver: Solver): Promise<FrontierPoint[]>;
  /** Aborted once Ctrl-C was pressed. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** How far a placement may be from a running one. */
export interface RunningLimit {
  readonly running: Placement;
  /** Most experts of a layer that may move; `Infinity` for as few as there need be. */
  readonly maxMoves: number;
}

/** What a command places, and by which solvers. */
export interface PlacedInput {
  /** As read, held-out tokens included. */
  readonly parts: readonly (RoutingTrace | LoadTrace)[];
  readonly solvers: readonly Solver[];
  readonly terminal: Terminal;
}

/** Opens worker threads or the queue for a command that places, and its checkpoint; says what the machine lacks. */
export async function openPlacer(
  machine: Machine,
  options: SolveOptions & { readonly from?: string },
  { parts, solvers, terminal }: PlacedInput,
): Promise<Placer> {
  const runner = await openRunner(options, terminal, () => ({
    solvers: solvers.map(({ name }) => name),
    seed: options.seed,
    timeLimit: options.timeLimit ?? null,
    ...(options.from !== undefined && { fromSha256: sha256(readBytes(options.from)) }),
    ...makingOf(parts, machine, options),
  }));
  const { numAtOnce, signal } = runner;
  const capacity = machine.shape && groupCapacity(machine.hardware, machine.shape);
  if (capacity?.warning !== undefined) terminal.noteOnce(`${machine.hardware.name}: ${capacity.warning}`);
  const optionsFor = (trace: RoutingTrace | LoadTrace, name: string, solver: Solver): PlaceTraceOptions => {
    let numPlaced = 0;
    const begin = performance.now();
    const numLayers = trace.layers.length;
    const say = (text: string) => {
      terminal.progress(() => {
        const seconds = (performance.now() - begin) / 1000;
        return `${name}: ${numPlaced} of ${numLayers} layers, ${describeTime(seconds, numPlaced / numLayers)}${text}`;
      });
    };
    say("");
    return {
      posing: poseFor(trace, machine, requestOf(options)),
      solver,
      concurrency: numAtOnce,
      solverOptions: {
        seed: options.seed,
        signal,
        backends: { columns: options.columnsBackend, groups: options.groupsBackend },
        ...(options.timeLimit !== undefined && { timeLimitMs: 1000 * options.timeLimit }),
      },
      onProgress(layer, { cost, bound, phase = "replicas", note }) {
        const proof =
          bound === undefined ? "" : `, at least ${bound.toFixed(3)}, gap ${percent(cost / bound - 1)}`;
        const seconds = ((performance.now() - begin) / 1000).toFixed(2);
        const noted = note === undefined ? "" : `; ${note}`;
        terminal.detail(`${seconds} s, layer ${layer}, ${phase}: C_T ${cost.toFixed(4)}${proof}${noted}`);
        say(`; layer ${layer}: C_T ${cost.toFixed(3)}${proof}`);
      },
      onLayer() {
        numPlaced = (numPlaced % numLayers) + 1;
        say("");
      },
    };
  };
  return {
    place(trace, solver, near) {
      const aimed = runner.run(solver);
      const { running, maxMoves = Infinity } = near ?? {};
      const bounded = running ? migrateFrom(aimed, running, maxMoves, { limit: runner.limitMoves }) : aimed;
      // Where moves are counted, chiplets have the numbers of the running placement.
      return placeTrace(trace, {
        ...optionsFor(trace, solver.name, bounded),
        keepsNumbers: maxMoves < Infinity,
      });
    },
    frontier(trace, solver) {
      return traceFrontier(trace, optionsFor(trace, `frontier by ${solver.name}`, runner.run(solver)));
    },
    signal,
    close() {
      terminal.progress();
      return runner.close();
    },
  };
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Time that has passed and, once something is done, about how much is left. */
function describeTime(seconds: number, share: number): string {
  const left = share > 0 && share < 1 ? `, about ${duration((seconds / share) * (1 - share))} left` : "";
  return `${duration(seconds)}${left}`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
