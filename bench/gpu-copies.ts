import type { GpuCase } from "./gpu-case.js";
import { expectedParts } from "../lib/performance/uniform-copies.js";

/** Least squares of measured time against remote copies, for shapes of one width on one machine. */
export interface CopiesLine {
  readonly machine: string;
  readonly way: string;
  readonly hiddenSize: number;
  readonly numShapes: number;
  /** Share of the variance of time that copies explain. */
  readonly rSquared: number;
  /** Share of all-to-all time that goes with a fifth of the copies of the shape with most. */
  readonly savedByFifth: number;
}

/**
 * How all-to-all time depends on copies in the tables of one server, 4096 tokens a GPU.
 *
 * Copies vary through top-k and the number of experts there, not through placement.
 */
export function copiesLines(cases: readonly GpuCase[], tokens = 4096): CopiesLine[] {
  const groups = new Map<string, { copies: number; ns: number }[]>();
  for (const { kernel, machine, measuredNs, groups: of, tokens: own } of cases) {
    if (!kernel.startsWith("normal.") || own !== tokens) continue;
    const [hiddenSize, topK, numExperts] = of.shape.split("/").map(Number);
    const numGpus = Number(of.ep);
    const copies = expectedParts({ numExperts, topK, numParts: numGpus }) * (1 - 1 / numGpus);
    const name = [machine, kernel.replace("normal.", ""), hiddenSize].join(" ");
    groups.set(name, [...(groups.get(name) ?? []), { copies, ns: measuredNs }]);
  }
  return [...groups].flatMap(([name, points]) => {
    const [machine, way, hiddenSize] = name.split(" ");
    if (points.length < 3) return [];
    return [{ machine, way, hiddenSize: Number(hiddenSize), numShapes: points.length, ...lineOf(points) }];
  });
}

function lineOf(points: readonly { copies: number; ns: number }[]) {
  const mean = (pick: (point: { copies: number; ns: number }) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [meanCopies, meanNs] = [mean(({ copies }) => copies), mean(({ ns }) => ns)];
  const covariance = mean(({ copies, ns }) => (copies - meanCopies) * (ns - meanNs));
  const variance = mean(({ copies }) => (copies - meanCopies) ** 2);
  const slope = covariance / variance;
  const most = points.reduce((left, right) => (right.copies > left.copies ? right : left));
  return {
    rSquared: (slope * covariance) / mean(({ ns }) => (ns - meanNs) ** 2),
    savedByFifth: (0.2 * most.copies * slope) / most.ns,
  };
}
