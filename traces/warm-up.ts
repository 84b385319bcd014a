/**
 * Consecutive tokens of a layer with the very same experts in the same order, from which on they may be warm-up.
 *
 * Engines send thousands of dummy tokens through the model to measure memory and to warm up, and log them like any
 * other: 31 to 87 % of published vLLM route logs. Left in, a layer's busiest expert seems to carry 10 to 13 times
 * the mean load where the truth is 1.5 times. Real text does not repeat a token's whole routing so often in a row.
 */
export const WARMUP_RUN = 20;

/** Tokens outside of long runs that must have a run's experts before chance can explain the run. */
const MIN_EVIDENCE = 10 * WARMUP_RUN;
/** Runs as long as one, among as many tokens, from which on chance explains it. */
const PLAUSIBLE_RUNS = 1e-3;

/** A stretch of tokens with the same experts. */
export interface Run {
  /** First row, as handed in. */
  readonly from: number;
  /** Behind the last row. */
  readonly to: number;
  /** Shape [topK]. */
  readonly row: Uint16Array;
}

/** A layer whose long runs are to be judged. */
export interface LayerOfRuns {
  readonly rowsRead: number;
  /** Runs of at least {@link WARMUP_RUN} rows, ascending. */
  readonly runs: readonly Run[];
  /** Rows outside of the runs. */
  readonly rowsHeld: number;
  /** How many of those are each of the given rows. */
  countRows(rows: readonly Uint16Array[]): number[];
}

/**
 * Finds the long runs of every layer that are tokens of the text, not warm-up.
 *
 * A dummy token is the same in all layers. So a run is real where, in another layer with as many rows, the same tokens
 * differ: layers that are routed by a hash of the token repeat with the text. And a run is real where chance explains
 * it: one expert that takes nearly all tokens of a top-1 layer makes runs of any length. With p the share of the run's
 * experts among all other tokens, N tokens hold N * (1 - p) * p^n runs of n or more.
 *
 * @returns For every layer, in the order given, the runs to keep.
 */
export function realRuns(layers: readonly LayerOfRuns[]): Run[][] {
  return layers.map((layer) => {
    const aligned = layers.filter((peer) => peer !== layer && peer.rowsRead === layer.rowsRead);
    const differing = layer.runs.filter((run) =>
      aligned.some(({ runs }) => 2 * rowsWithin(runs, run) < lengthOf(run)),
    );
    return [...differing, ...explainedRuns(layer, new Set(differing))];
  });
}

/** Runs that chance explains, besides those known to be real. */
function explainedRuns(layer: LayerOfRuns, real: ReadonlySet<Run>): Run[] {
  const open = new Set(layer.runs.filter((run) => !real.has(run)));
  if (open.size === 0) return [];
  const keyOf = ({ row }: Run) => row.join();
  const rows = new Map([...open].map((run) => [keyOf(run), run.row]));
  const counts = layer.countRows([...rows.values()]);
  const rowsOf = new Map([...rows.keys()].map((key, at) => [key, counts[at]]));
  let total = layer.rowsHeld;
  const add = (run: Run) => {
    total += lengthOf(run);
    const count = rowsOf.get(keyOf(run));
    if (count !== undefined) rowsOf.set(keyOf(run), count + lengthOf(run));
  };
  for (const run of real) add(run);
  const explained: Run[] = [];
  // Short runs first: those that are real make longer ones likelier.
  const byLength = [...open].sort((a, b) => lengthOf(a) - lengthOf(b));
  for (let changed = true; changed;) {
    changed = false;
    for (const run of byLength) {
      const count = rowsOf.get(keyOf(run)) ?? 0;
      const share = count / total;
      if (!open.has(run) || count < MIN_EVIDENCE) continue;
      if (total * (1 - share) * share ** lengthOf(run) < PLAUSIBLE_RUNS) continue;
      open.delete(run);
      explained.push(run);
      add(run);
      changed = true;
    }
  }
  return explained;
}

/** Rows of a stretch that are in runs, which are ascending. */
function rowsWithin(runs: readonly Run[], { from, to }: Run): number {
  let low = 0;
  for (let high = runs.length; low < high;) {
    const middle = (low + high) >> 1;
    if (runs[middle].to <= from) low = middle + 1;
    else high = middle;
  }
  let rows = 0;
  for (let at = low; at < runs.length && runs[at].from < to; at++) {
    rows += Math.min(to, runs[at].to) - Math.max(from, runs[at].from);
  }
  return rows;
}

function lengthOf({ from, to }: Run): number {
  return to - from;
}
