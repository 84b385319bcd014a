import { chooseFastest, mostTimeNs, type Timing } from "../../lib/flows/choose-fastest.js";
import type { Machine } from "../../lib/hardware/machine.js";
import type { Chiplets, Peaks } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { OPTIMALITY_GAP } from "../../lib/placement/tolerance.js";
import { countTraffic, type LayerTraffic } from "../../lib/placement/traffic.js";
import { createMakespanEstimate, stepMakespanNs } from "../../lib/schedule/schedule-step.js";
import { stepBoundNs } from "../../lib/schedule/step-bound.js";
import { mean } from "../../lib/statistics.js";

/** Modelled time of a layer with such traffic, in ns. */
export type TrafficTime = (traffic: LayerTraffic) => number;

/** Makes what tells the time of a problem's layer; it may remember what it was asked last. */
export type TimeOf = (problem: PlacementProblem) => TrafficTime;

/** The modelled time of the problem's layer, by an estimate that is quick to compute. */
export const estimatedTime: TimeOf = (problem) => createMakespanEstimate(machineOf(problem));

/** The modelled time of the problem's layer, as its schedule has it. */
export const scheduledTime: TimeOf = (problem) => (traffic) => stepMakespanNs([traffic], machineOf(problem));

/** Makes what tells a time that no placement of the problem without replicas is below, given one's traffic and the least C_T, and peaks of which it has one. */
export type LeastTimeOf = (
  problem: PlacementProblem,
) => (traffic: LayerTraffic, tokenReplication: number, peaks?: readonly Peaks[]) => number;

/** What is proved of {@link scheduledTime}. */
export const provedTime: LeastTimeOf = (problem) => (traffic, tokenReplication, peaks) =>
  stepBoundNs(
    [{ traffic, tokenReplication, slotsPerChiplet: problem.slotsPerChiplet, peaks }],
    machineOf(problem),
  );

/** The traffic of the problem's layer under a placement without a change since. */
export type TrafficOf = (chiplets: Chiplets) => LayerTraffic;

/** Makes the traffic of placements, which is counted once of each: loads, estimates, costs and the judge all ask for it. */
export const rememberTraffic = (problem: PlacementProblem): TrafficOf =>
  remembering((chiplets) => countTraffic(problem.patterns, chiplets, problem));

/** A placement of which the cost, C_T, is known. */
interface Costed {
  readonly chiplets: Chiplets;
  readonly cost: number;
}

/** Judges placements of a problem, each once. */
export interface Judge {
  /** Time of the layer with such traffic, in ns. */
  readonly time: TrafficTime;
  /** Time of the layer with all tokens at once, in ns. */
  readonly ns: (placement: Costed) => number;
  /** Chooses by time as {@link chooseFastest} does, over the problem's batches; of equals the one that costs least. */
  readonly choose: <T extends Costed>(choice: Choice<T>) => T;
  /**
   * Whether it is proved that no placement is faster, neither with all tokens at once nor on any batch, but for rounding.
   *
   * @param tokenReplication No placement has a smaller C_T.
   */
  readonly isFastest: (placement: Costed, least: LeastTimeOf, tokenReplication: number) => boolean;
  /** The most time with all tokens at once that a choice may take, as {@link mostTimeNs} has it. */
  readonly mostNs: (choice: Choice<Costed>) => number;
}

/** What a judge chooses from. */
export interface Choice<T> {
  /** Placements of solvers by which users compare. */
  readonly rows: readonly T[];
  /** Further ones; at least one where there are no rows. */
  readonly others: readonly T[];
}

/** Makes a judge of a problem's placements by a time. */
export function createJudge(problem: PlacementProblem, timeOf: TimeOf, trafficOf: TrafficOf): Judge {
  const time = timeOf(problem);
  const { batches } = problem;
  const ns = remembering((chiplets) => time(trafficOf(chiplets)));
  const batchNs = remembering((chiplets) =>
    batches.length === 0 ? 0 : mean(batches.map((batch) => time(countTraffic(batch, chiplets, problem)))),
  );
  const timingOf = (rows: readonly Costed[]): Timing<Costed> => ({
    isRow: (placement) => rows.includes(placement),
    ns: ({ chiplets }) => ns(chiplets),
    batchNs: ({ chiplets }) => batchNs(chiplets),
  });
  return {
    time,
    ns: ({ chiplets }) => ns(chiplets),
    isFastest({ chiplets }, least, tokenReplication) {
      const leastNs = least(problem);
      const isLeast = (traffic: LayerTraffic, copies: number) =>
        time(traffic) <= leastNs(traffic, copies) * (1 + OPTIMALITY_GAP);
      return (
        isLeast(trafficOf(chiplets), tokenReplication) &&
        // What is proved of all tokens says nothing of some of them.
        batches.every((batch) => isLeast(countTraffic(batch, chiplets, problem), 1))
      );
    },
    mostNs: ({ rows, others }) => mostTimeNs([...rows, ...others], timingOf(rows)),
    choose: ({ rows, others }) =>
      chooseFastest(
        [...rows, ...others].sort((a, b) => a.cost - b.cost),
        timingOf(rows),
      ),
  };
}

/** The same of placements, asked once of each. */
function remembering<T>(ask: (chiplets: Chiplets) => T): (chiplets: Chiplets) => T {
  const known = new Map<Chiplets, T>();
  return (chiplets) => {
    const answer = known.get(chiplets) ?? ask(chiplets);
    known.set(chiplets, answer);
    return answer;
  };
}

function machineOf({ objective }: PlacementProblem): Machine {
  if (objective.minimise === "time") return objective.machine;
  throw new Error(`asked for a time, but the objective is ${objective.minimise}`);
}
