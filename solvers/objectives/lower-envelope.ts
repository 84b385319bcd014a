import type { Peaks } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type SolverOptions } from "../../lib/placement/solver.js";
import { tokenReplicationOf } from "../../lib/placement/traffic.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { largest, mean } from "../../lib/statistics.js";
import { peaksOf, provePeaks, type CountedPeaks } from "../bounds/chiplet-peaks.js";
import { createPeakProver, type PeakProver } from "../bounds/peak-prover.js";
import { columnModelOf } from "../columns/admissible-columns.js";
import type { Column } from "../columns/column.js";
import { countColumns, createColumnTable } from "../columns/column-table.js";
import { choosePartition } from "../columns/partition-model.js";
import { constraintModelOf } from "../constraints/constraint-model.js";
import { placeColumns } from "../groups/place-columns.js";
import { provedTime, type TrafficOf } from "./modelled-time.js";
import { isLoadAlone, startsEverywhere, type Candidate } from "./time-candidates.js";

/** Columns that are tabulated at most, 64 experts by 4 slots: all are looked at again and again. */
const MOST_COLUMNS = 1e6;
/** Thresholds on the load for which the least tokens are proved. */
const MOST_PROOFS = 3;
/** Integer programmes at each of them, every one for half as many tokens more than are proved as the one before. */
const MOST_PROGRAMMES = 2;
/** Simplex iterations of each, the same on every machine. */
const MAX_ITERATIONS = 20_000;
/** What is not proved if it raised the bound, at the placement's own peaks, by no more than this. */
const WORTH_PROVING = 1.002;

/** What is found along the lower envelope of what the busiest chiplets serve and are visited by. */
export interface Envelope {
  /** Placements on it. */
  readonly candidates: readonly Candidate[];
  /** Proved: below it there is none; absent where nothing was asked. */
  readonly peaks?: readonly Peaks[];
}

/** How the envelope is gone along. */
export interface EnvelopeOptions extends SolverOptions {
  readonly trafficOf: TrafficOf;
  /** Proved: no placement costs less, C_T. */
  readonly bound: number;
}

/**
 * Goes along the lower envelope of what the busiest chiplets serve and are visited by, where all columns can be listed: under
 * thresholds on both, set partitioning either has no solution, which its LP proves, or has one, which an integer programme
 * finds. Only where it can be faster than the best placement known.
 *
 * On GPUs, whose time grows with both; not on wafers, where what memories stream is a sum over all chiplets.
 */
export async function searchEnvelope(
  problem: PlacementProblem,
  { chiplets }: Candidate,
  { trafficOf, bound, timeLimitMs = Infinity, ...options }: EnvelopeOptions,
): Promise<Envelope> {
  const { layer, numChiplets, load } = problem;
  if (!isListed(problem)) return { candidates: [] };
  const deadline = performance.now() + timeLimitMs;
  const traffic = trafficOf(chiplets);
  const { numTokens } = problem.patterns;
  const perToken = ({ load: served, tokens, copies }: CountedPeaks): Peaks => ({
    load: served / numTokens,
    tokens: tokens / numTokens,
    cost: copies / numTokens,
  });
  const leastOf = provedTime(problem);
  const leastNs = (peaks: CountedPeaks) => leastOf(traffic, bound, [perToken(peaks)]);
  const incumbent = chiplets.flatMap((experts, chiplet): Column[] =>
    experts.length > 0 ? [{ experts, tokens: traffic.chipletTokens[chiplet] }] : [],
  );
  const leastCopies = bound * numTokens;
  const even = { load: mean(traffic.chipletLoad), tokens: leastCopies / numChiplets, copies: leastCopies };
  if (leastNs(peaksOf(incumbent, load)) < WORTH_PROVING * leastNs(even)) return { candidates: [] };
  const constraints = constraintModelOf(problem);
  const shape = columnModelOf(constraints);
  const prover = createPeakProver({
    shape,
    table: createColumnTable(shape),
    load,
    known: incumbent,
    deadline,
  });
  const candidates: Candidate[] = [];
  const fill = async (served: number, tokens: { none: number; worth: number }) => {
    const columns = await chooseWithin(prover, served, {
      ...tokens,
      choose: async (promising) =>
        choosePartition(shape, promising, {
          backend: options.backends.columns,
          maxIterations: MAX_ITERATIONS,
          ...timeLeft(deadline),
        }),
    });
    if (columns === undefined) return undefined;
    const placed = await placeColumns(constraints, columns, {
      ...options,
      ...timeLeft(deadline),
      layer,
      stoppedBy: "budget",
    });
    if ("chiplets" in placed && verifyChiplets(problem, placed.chiplets).length === 0) {
      candidates.push({
        ...placed,
        status: "feasible",
        cost: tokenReplicationOf(trafficOf(placed.chiplets)),
      });
    }
    return columns;
  };
  const peaks = await provePeaks({
    prover,
    numChiplets,
    load,
    leastCopies,
    incumbent,
    leastNs,
    mostProofs: MOST_PROOFS,
    fill,
    deadline,
  });
  return { candidates, peaks: peaks.map(perToken) };
}

/** Whether peaks matter, and all columns are few enough. */
function isListed(problem: PlacementProblem): boolean {
  return (
    problem.numReplicas === 0 &&
    problem.numChiplets > 1 &&
    startsEverywhere(problem) &&
    !isLoadAlone(problem) &&
    countColumns(problem) <= MOST_COLUMNS
  );
}

/** Columns that keep a load, and as few tokens as integer programmes find some for. */
async function chooseWithin(
  prover: PeakProver,
  load: number,
  {
    none,
    worth,
    choose,
  }: {
    none: number;
    worth: number;
    choose: (columns: readonly Column[]) => Promise<{ readonly columns: readonly Column[] } | undefined>;
  },
): Promise<readonly Column[] | undefined> {
  let [low, high] = [none, worth];
  let best: readonly Column[] | undefined;
  for (let programme = 0; programme < MOST_PROGRAMMES && high - low > 1; programme++) {
    const tokens = Math.round((low + high) / 2);
    const choice = await choose(await prover.promising({ load, tokens }));
    if (choice === undefined) low = tokens;
    else {
      best = choice.columns;
      high = largest(best.map((column) => column.tokens));
    }
  }
  return best;
}
