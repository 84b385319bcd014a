import type { Hardware } from "../hardware/hardware.js";
import type { ModelShape } from "../hardware/model-shapes.js";
import type { LayerTraffic } from "../placement/traffic.js";
import { largest, smallest } from "../statistics.js";
import type { Piece } from "./piece.js";
import { leastOfChoices, replicatedRows, type ReplicatedExperts } from "./replicated-experts.js";
import { chanceOfRows, createExpertTimer, expectedNs } from "./stages.js";

/**
 * What experts with replicas take all chiplets together at least, in nanoseconds, where chiplets compute as their arrays or peaks tell.
 *
 * A replica with r rows has any with the chance p(r), and then r / p(r), which take no less than any of some lines a + b r / p(r):
 * a p(r) + b r. That is linear, so replicas together take no less than a times the sum of their chances, plus b for all rows. Chances are
 * concave, so their sum is least where all replicas but one have the least share.
 *
 * @param even Loads of experts are those of some placement with as many replicas.
 */
export function leastReplicatedChipletsNs(
  even: LayerTraffic,
  replicated: ReplicatedExperts,
  { machine, piece }: { machine: { hardware: Hardware; shape: ModelShape }; piece: Piece },
): number {
  const replicas = replicatedRows(even, replicated, piece.tokens / even.numTokens);
  const nsOf = createExpertTimer(machine, piece.workload);
  const mostRows = largest(replicas.rows);
  const lines = mostRows > 0 ? linesBelow(nsOf, mostRows / chanceOfRows(mostRows)) : [];
  const { leastShare } = replicas;
  return leastOfChoices(replicas, (count, all) => {
    if (count === 1 || all === 0) return expectedNs(all, nsOf);
    const chances =
      (count - 1) * chanceOfRows(leastShare * all) + chanceOfRows((1 - (count - 1) * leastShare) * all);
    return largest(lines.map(({ fixedNs, rowNs }) => fixedNs * chances + rowNs * all));
  });
}

/** A time that grows with rows. */
interface Line {
  /** At least 0. */
  readonly fixedNs: number;
  readonly rowNs: number;
}

/** From so many rows on, steps between those that are asked for grow with them. */
const SINGLE_ROWS = 1024;

/**
 * Lines that a time is nowhere below from 1 row to `mostRows`: the lower hull of what it is at some rows, each taken for all rows up to the next,
 * as it never falls.
 */
function linesBelow(nsOf: (rows: number) => number, mostRows: number): Line[] {
  const points = [{ rows: 1, ns: nsOf(1) }];
  for (let rows = 1; rows < mostRows;) {
    const ns = nsOf(rows);
    rows += Math.max(1, rows / SINGLE_ROWS);
    points.push({ rows, ns });
  }
  const hull: { rows: number; ns: number }[] = [];
  for (const point of points) {
    while (hull.length > 1) {
      const [a, b] = hull.slice(-2);
      const isAbove = (b.ns - a.ns) * (point.rows - a.rows) >= (point.ns - a.ns) * (b.rows - a.rows);
      if (!isAbove) break;
      hull.pop();
    }
    hull.push(point);
  }
  const sides = hull.slice(1).map(({ rows, ns }, side) => {
    const rowNs = (ns - hull[side].ns) / (rows - hull[side].rows);
    return { fixedNs: ns - rowNs * rows, rowNs };
  });
  return [
    ...sides.filter(({ fixedNs, rowNs }) => fixedNs >= 0 && rowNs >= 0),
    { fixedNs: 0, rowNs: smallest(points.map(({ rows, ns }) => ns / rows)) },
  ];
}
