import { busyTimesNs } from "../task-graph/timeline.js";
import type { StepSchedule } from "./schedule-step.js";

/** What a step waits for. */
export interface Binding {
  /** The busiest resource, for instance "memory 3" or "chiplet link 5". */
  readonly name: string;
  /** Share of the step in which it is busy. */
  readonly busyShare: number;
}

/** The busiest resource of a step, and how busy it is. */
export function binding({ graph, makespanNs }: Pick<StepSchedule, "graph" | "makespanNs">): Binding {
  const busyNs = busyTimesNs(graph);
  const busiest = busyNs.reduce((best, ns, resource) => (ns > busyNs[best] ? resource : best), 0);
  return { name: graph.resources[busiest], busyShare: makespanNs > 0 ? busyNs[busiest] / makespanNs : 0 };
}
