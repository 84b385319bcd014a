import type { Chiplets, Solution } from "../../lib/placement/placement.js";
import { createProblem, type PlacementProblem } from "../../lib/placement/problem.js";
import type { Solver, SolverOptions } from "../../lib/placement/solver.js";

/**
 * Makes a solver that places experts as evenly as their number allows where a problem asks for it: one more on each of the
 * first chiplets than on the others, as engines deal experts that ranks do not divide.
 *
 * To `solver` it is a problem whose slots are all filled: an expert that no token chooses is pinned to each of the last
 * chiplets and taken away afterwards, so that costs, bounds and proofs hold as they are.
 */
export function evenly(solver: Solver): Solver {
  return {
    ...solver,
    solve: (problem, options) =>
      problem.evenSlots ? solveFilled(solver, problem, options) : solver.solve(problem, options),
  };
}

async function solveFilled(
  solver: Solver,
  problem: PlacementProblem,
  { start, onProgress, ...options }: SolverOptions,
): Promise<Solution> {
  const { numExperts, numChiplets } = problem;
  const most = Math.ceil(numExperts / numChiplets);
  const absent = most * numChiplets - numExperts;
  const last = numChiplets - absent;
  const reason = overPinned(problem, (chiplet) => (chiplet < last ? most : most - 1));
  if (reason !== undefined) return { status: "infeasible", reason };
  const fillers = Array.from({ length: absent }, (_, place) => ({
    expert: numExperts + place,
    chiplet: last + place,
  }));
  // A start may be of another number of chiplets, where a running placement is one.
  const fill = (chiplets: Chiplets) =>
    Array.from({ length: Math.max(numChiplets, chiplets.length) }, (_, chiplet) => [
      ...(chiplets.at(chiplet) ?? []),
      ...fillers.filter((filler) => filler.chiplet === chiplet).map(({ expert }) => expert),
    ]);
  const strip = (chiplets: Chiplets) =>
    chiplets.map((experts) => experts.filter((expert) => expert < numExperts));
  const answer = await solver.solve(
    createProblem(
      { ...problem.patterns, numExperts: numExperts + absent },
      {
        ...problem,
        batches: problem.batches.map((batch) => ({ ...batch, numExperts: numExperts + absent })),
        numGroups: numChiplets / problem.chipletsPerGroup,
        slotsPerChiplet: most,
        expertBytes: Float64Array.from(
          { length: numExperts + absent },
          (_, expert) => problem.expertBytes[expert] ?? 0,
        ),
        pins: [...problem.pins, ...fillers],
        evenSlots: false,
      },
    ),
    {
      ...options,
      ...(start && { start: fill(start) }),
      ...(onProgress && {
        onProgress: ({ chiplets, ...progress }) => {
          onProgress({ ...progress, chiplets: strip(chiplets) });
        },
      }),
    },
  );
  if (!("chiplets" in answer)) return answer;
  const { candidates } = answer;
  return {
    ...answer,
    chiplets: strip(answer.chiplets),
    ...(candidates && {
      candidates: Object.fromEntries(
        Object.entries(candidates).map(([name, candidate]) => [
          name,
          { ...candidate, chiplets: strip(candidate.chiplets) },
        ]),
      ),
    }),
  };
}

/** Why no placement is even, where a chiplet has more pins than its share. */
function overPinned(
  { pins, numChiplets }: PlacementProblem,
  shareOf: (chiplet: number) => number,
): string | undefined {
  for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
    const count = pins.filter((pin) => pin.chiplet === chiplet).length;
    const share = shareOf(chiplet);
    if (count > share) {
      return `${count} experts are pinned to chiplet ${chiplet}, its even share is ${share}: ${count - share} too many`;
    }
  }
  return undefined;
}
