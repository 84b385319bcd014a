import { InputError } from "../errors.js";
import type { Machine } from "../hardware/machine.js";
import { expertBytes } from "../hardware/model-shapes.js";
import { planMigrations, type MigrationPlan } from "../placement/migration-plan.js";
import type { Placement } from "../placement/placement.js";
import { largest } from "../statistics.js";
import type { SplitTrace } from "../trace/holdout.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { judge } from "./judge.js";
import { timeOfPlacement } from "./step-time.js";
import { beforeAfter, measurePlacement, type BeforeAfter, type WorthOptions } from "./worth.js";

/** What a running placement has lost on newer tokens, and what another one would win back. */
export interface Drift {
  /** Modelled time of a step under the running placement. */
  readonly runningNs: number;
  /** The same under the other placement. */
  readonly bestNs: number;
  /** Slots to fill from elsewhere. */
  readonly moves: number;
  /** Time in which the moves are sent, the chiplets at once, each over its own link. */
  readonly migrationNs: number;
  /** Steps after which moves and restart have paid for themselves; Infinity where the other placement is no faster. */
  readonly payBackSteps: number;
}

/** Whether to change a running placement, and what that rests on. */
export interface ChangeVerdict {
  readonly drift: Drift;
  /** Both placements in numbers, and the verdict that `place` has of them. */
  readonly change: BeforeAfter;
  /** Worth it by that verdict, and paid back in time. */
  readonly isWorthIt: boolean;
}

/** Options of {@link judgeChange}. */
export interface ChangeOptions extends WorthOptions {
  readonly machine: Machine;
  readonly running: Placement;
  /** Of the same experts and chiplets. */
  readonly best: Placement;
  /** Most steps within which moves and restart are to be paid back. */
  readonly payBack: number;
  /** Time in which nothing is served while the new placement is taken up; default none. */
  readonly restartNs?: number;
}

/**
 * Judges whether to change a running placement: what is no gain to who places is no reason to move.
 *
 * @param split Newer tokens than the running placement was made from; those held out are judged on, where there are any.
 * @throws InputError if the placements do not fit the trace, the machine or each other.
 */
export function judgeChange(
  split: SplitTrace,
  { running, best, payBack, restartNs = 0, ...options }: ChangeOptions,
): ChangeVerdict {
  const { machine } = options;
  const trace = split.heldOut ?? split.learn;
  const drift = measureDrift(trace, { running, best, machine, restartNs });
  // Nothing is proved of either here, which is the long part of judging.
  const [before, after] = [running, best].map((placement) =>
    measurePlacement(placement, split, machine, judge(placement, split, { ...machine, boundEffort: 0 })),
  );
  const change = beforeAfter(before, after, options);
  const isWorthIt = change.worth?.verdict === "worth it" && drift.payBackSteps <= payBack;
  return { drift, change, isWorthIt };
}

/**
 * Measures what it is worth to change a running placement.
 *
 * payBackSteps = (migrationNs + restartNs) / (runningNs - bestNs), where migrationNs is the largest sum of expert weights that one chiplet
 * receives over the bandwidth of its link.
 *
 * @param trace Newer tokens than the running placement was made from.
 * @param best Of the same experts and chiplets.
 * @throws InputError if the placements do not fit the trace, the machine or each other.
 */
export function measureDrift(
  trace: RoutingTrace,
  {
    running,
    best,
    machine,
    restartNs = 0,
  }: { running: Placement; best: Placement; machine: Machine; restartNs?: number },
): Drift {
  if (trace.layers.some(({ layer }) => running.layers.every((placed) => placed.layer !== layer))) {
    throw new InputError("from: found fewer layers than were recorded, expected every layer");
  }
  const plan = planMigrations(running, best, { expertBytes: expertBytes(machine.shape) });
  const runningNs = timeOfPlacement(trace, running, machine);
  const bestNs = timeOfPlacement(trace, best, machine);
  const migrationNs = timeOfMigration(plan, machine);
  const wonNs = runningNs - bestNs;
  return {
    runningNs,
    bestNs,
    moves: plan.moves,
    migrationNs,
    payBackSteps: wonNs > 0 ? (migrationNs + restartNs) / wonNs : Infinity,
  };
}

/**
 * Moves experts only where it makes the step faster: placements found by C_T may take longer.
 *
 * @returns The fastest on these tokens of the running placement, the other one, and of every layer whichever is faster alone.
 */
export function fasterLayers(
  trace: RoutingTrace,
  { running, best, machine }: { running: Placement; best: Placement; machine: Machine },
): Placement {
  // What was found of the running layers was found on other tokens.
  const standing = best.layers.map(
    (moved) => running.layers.find(({ layer }) => layer === moved.layer) ?? moved,
  );
  const stays = { ...best, layers: standing.map(({ layer, chiplets }) => ({ layer, chiplets })) };
  const layers = best.layers.map((moved, index) => {
    const alone = { ...trace, layers: trace.layers.filter(({ layer }) => layer === moved.layer) };
    const [before, after] = [stays, best].map((placement) => timeOfPlacement(alone, placement, machine));
    return after < before ? moved : stays.layers[index];
  });
  // A step is no sum of its layers, which wait for each other's memory.
  const timed = [stays, best, { ...best, layers }].map((placement) => ({
    placement,
    ns: timeOfPlacement(trace, placement, machine),
  }));
  return timed.reduce((least, next) => (next.ns < least.ns ? next : least)).placement;
}

function timeOfMigration({ layers }: MigrationPlan, { hardware, shape }: Machine): number {
  const received = new Float64Array(hardware.numGroups * hardware.chipletsPerGroup);
  for (const { steps } of layers) {
    for (const step of steps) {
      for (const { to } of step.kind === "drop" ? [] : step.transfers) received[to] += expertBytes(shape);
    }
  }
  return largest(received, 0) / hardware.links.chiplet.bytesPerNs.value;
}
