import { defaultDispatch } from "../placement/default-dispatch.js";
import { countTraffic, type LayerTraffic } from "../placement/traffic.js";
import { scheduleStep, type StepSchedule } from "../schedule/schedule-step.js";
import type { RoutingTrace } from "../trace/routing-trace.js";
import { collectPatterns } from "../trace/token-patterns.js";
import type { PlacedSolver, ReportMachine } from "./layer-view.js";

/** A step under one placement. */
export interface PlacedStep {
  readonly solver: string;
  readonly traffic: readonly LayerTraffic[];
  readonly step: StepSchedule;
}

/** The step under each placement, once each, where the model's sizes are known. */
export function scheduleSteps(
  { trace, hardware, shape, workload }: ReportMachine & { readonly trace: RoutingTrace },
  solvers: readonly (PlacedSolver | undefined)[],
): PlacedStep[] {
  if (shape === undefined) return [];
  const { chipletsPerGroup } = hardware;
  const different = solvers.filter((solver, index) => solver && solvers.indexOf(solver) === index);
  return different.flatMap((solver) => {
    if (solver === undefined) return [];
    const { dispatch = defaultDispatch(hardware), layers } = solver.answer.placement;
    const chipletsOf = new Map(layers.map(({ layer, chiplets }) => [layer, chiplets]));
    const traffic = trace.layers.map((current) =>
      countTraffic(collectPatterns(current, trace), chipletsOf.get(current.layer) ?? [], {
        chipletsPerGroup,
        dispatch,
      }),
    );
    const layerNumbers = trace.layers.map(({ layer }) => layer);
    const step = scheduleStep(traffic, { hardware, shape, layerNumbers, ...(workload && { workload }) });
    return [{ solver: solver.name, traffic, step }];
  });
}
