/** What the experts of a layer compute at least where some have several replicas, whichever those are. */
import type { LayerTraffic } from "../placement/traffic.js";
import { sum } from "../statistics.js";

/** Experts of a layer some of which have several replicas, whichever those are. */
export interface ReplicatedExperts {
  /** Tokens of every expert, over all its replicas. Shape [numExperts]. */
  readonly load: ArrayLike<number>;
  /** Part of its expert's tokens that every replica serves at least. */
  readonly leastShare: number;
}

/** Even traffic with the fewest copies there can be: what bounds on times are made of. */
export interface EvenTraffic extends LayerTraffic {
  /** Where some experts have several replicas: no placement with as many is to undercut what follows. */
  readonly replicated?: ReplicatedExperts | undefined;
}

/** The same with rows of one micro-batch, or of a piece of it. */
export interface ReplicatedRows {
  /** Of every expert. Shape [numExperts]. */
  readonly rows: readonly number[];
  /** Beyond one of every expert. */
  readonly numReplicas: number;
  /** Of one expert, the first included. */
  readonly mostReplicas: number;
  readonly leastShare: number;
}

/** @param scale Rows for each token of the traffic. */
export function replicatedRows(
  { expertLoad, numChiplets }: LayerTraffic,
  { load, leastShare }: ReplicatedExperts,
  scale: number,
): ReplicatedRows {
  const rows = Array.from(load, (tokens) => tokens * scale);
  const numReplicas = sum(expertLoad.map(({ length }) => length)) - rows.length;
  return { rows, numReplicas, mostReplicas: numChiplets, leastShare };
}

/**
 * What all experts come to at least, whichever have the replicas: of what each replica more adds to its expert, no choice adds less than
 * the least of all additions.
 *
 * @param nsOf What an expert with so many replicas takes at least for all its rows.
 */
export function leastOfChoices(
  { rows, numReplicas, mostReplicas }: ReplicatedRows,
  nsOf: (count: number, rows: number) => number,
): number {
  const most = Math.min(numReplicas, mostReplicas - 1);
  const times = rows.map((all) => Array.from({ length: most + 1 }, (_, more) => nsOf(more + 1, all)));
  const added = times.flatMap((own) => own.slice(1).map((ns, more) => ns - own[more]));
  return sum(times.map(([once]) => once)) + sum(added.sort((a, b) => a - b).slice(0, numReplicas));
}
