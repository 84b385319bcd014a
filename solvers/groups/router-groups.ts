import { InputError } from "../../lib/errors.js";
import type { Chiplets, Proved, Solution, StoppedBy } from "../../lib/placement/placement.js";
import { fixesNumbers } from "../../lib/placement/numbering.js";
import { createProblem, meanChipletLoad, type PlacementProblem } from "../../lib/placement/problem.js";
import { timeLeft, type Solver, type SolverOptions } from "../../lib/placement/solver.js";
import { verifyChiplets } from "../../lib/placement/verify.js";
import { largest, sum } from "../../lib/statistics.js";
import { quotientPatterns, restrictPatterns } from "../../lib/trace/token-patterns.js";

/** A placement that a solver answered with. */
type Found = Extract<Solution, Proved>;

/**
 * Makes a solver that keeps the router's groups of experts together where a problem asks for it: every group on whole
 * chiplets of its own, or whole groups on every chiplet, side by side, so that experts can be renumbered by chiplet without
 * the router seeing it.
 *
 * The problem falls apart: tokens copy to the chiplets of one router group whatever the others look like, so each is a
 * problem of its own, and which server holds which groups is a problem again, with groups for experts. Costs and bounds
 * add up, so that a placement whose parts are proved optimal is optimal among those that keep the groups.
 */
export function keepingRouterGroups(solver: Solver): Solver {
  return {
    ...solver,
    solve: (problem, options) =>
      problem.routerGroups === 1 ? solver.solve(problem, options) : solveInGroups(solver, problem, options),
  };
}

async function solveInGroups(
  solver: Solver,
  asked: PlacementProblem,
  options: SolverOptions,
): Promise<Solution> {
  const { routerGroups, numChiplets, numExperts, chipletsPerGroup } = asked;
  if (asked.numReplicas > 0 || asked.pins.length > 0) {
    throw new InputError(
      `routerGroups: found ${asked.numReplicas > 0 ? "replicas" : "pins"} too, expected neither where groups of the router are kept`,
    );
  }
  const each = numChiplets / routerGroups;
  const isUneven = fixesNumbers({ ...asked, routerGroups: 1 });
  if (isUneven || numExperts % routerGroups !== 0 || !divides(each, 1) || !divides(each, chipletsPerGroup)) {
    throw new InputError(
      `routerGroups: found ${routerGroups} of ${numExperts} experts on ${numChiplets} chiplets in groups of ${chipletsPerGroup}, ` +
        "expected numbers that divide, so that groups are whole on chiplets and on chiplet groups",
    );
  }
  // The parts are no step of a machine: what is minimised in them is C_T, or the load.
  const { minimise } = asked.objective;
  const problem = { ...asked, objective: { minimise: minimise === "load" ? "load" : "traffic" } } as const;
  const deadline = performance.now() + (options.timeLimitMs ?? Infinity);
  // Nobody is told of parts, and no start is one of theirs.
  const { seed, backends, signal } = options;
  const solve = (part: PlacementProblem) =>
    solver.solve(part, { seed, backends, ...(signal && { signal }), ...timeLeft(deadline) });
  const answer = each > 1 ? await divideGroups(problem, solve) : await wholeGroups(problem, solve);
  if (!("chiplets" in answer)) return answer;
  const violations = verifyChiplets(asked, answer.chiplets);
  return violations.length === 0 ? answer : { status: "undecided", stoppedBy: "budget" };
}

type SolvePart = (part: PlacementProblem) => Promise<Solution>;

/** Every chiplet holds whole groups of the router. */
async function wholeGroups(problem: PlacementProblem, solve: SolvePart): Promise<Solution> {
  const { routerGroups, numChiplets, chipletsPerGroup } = problem;
  const answer = await solve(
    groupProblem(problem, {
      numChiplets,
      numGroups: numChiplets / chipletsPerGroup,
      slots: routerGroups / numChiplets,
    }),
  );
  if (!("chiplets" in answer)) return answer;
  return { ...answer, chiplets: answer.chiplets.map((groups) => expertsOfGroups(problem, groups)) };
}

/** Every group of the router has chiplets of its own, inside a chiplet group or in several. */
async function divideGroups(problem: PlacementProblem, solve: SolvePart): Promise<Solution> {
  const { routerGroups, numChiplets, chipletsPerGroup, patterns } = problem;
  const each = numChiplets / routerGroups;
  const parts: { readonly problem: PlacementProblem; readonly found: Found }[] = [];
  for (let group = 0; group < routerGroups; group++) {
    const part = partProblem(problem, group);
    const found = await solve(part);
    if (!("chiplets" in found)) return found;
    parts.push({ problem: part, found });
  }
  const isArranged = each < chipletsPerGroup && chipletsPerGroup < numChiplets;
  const arranged = isArranged ? await arrangeGroups(problem, solve) : undefined;
  if (arranged && !("chiplets" in arranged)) return arranged;
  const order = arranged ? arranged.chiplets.flat() : parts.keys();
  const chiplets: Chiplets = [...order].flatMap((group) => {
    const [first] = expertsOfGroups(problem, [group]);
    return parts[group].found.chiplets.map((experts) => experts.map((expert) => first + expert));
  });
  const perToken = (pick: (found: Found) => Proved) =>
    addProved(
      parts.map(({ problem: part, found }) => ({
        share: part.patterns.numTokens / patterns.numTokens,
        proved: pick(found),
      })),
    );
  // A group of the router that fills one chiplet group makes one copy there of every token that chose from it.
  const groups = arranged ?? perToken((found) => found.groups ?? { status: "optimal", cost: 1, bound: 1 });
  return {
    ...perToken((found) => found),
    chiplets,
    ...(chipletsPerGroup > 1 &&
      chipletsPerGroup < numChiplets && {
        groups: {
          status: groups.status,
          cost: groups.cost,
          ...(groups.bound !== undefined && { bound: groups.bound }),
        },
      }),
    ...(parts.every(({ found }) => found.load) && { load: largestLoad(problem, parts) }),
    stoppedBy: worstStop(parts.map(({ found }) => found.stoppedBy)),
  };
}

/** Which chiplet group holds which groups of the router, for the least C_G. */
function arrangeGroups(problem: PlacementProblem, solve: SolvePart): Promise<Solution> {
  const { routerGroups, numChiplets, chipletsPerGroup } = problem;
  const servers = numChiplets / chipletsPerGroup;
  return solve(groupProblem(problem, { numChiplets: servers, numGroups: 1, slots: routerGroups / servers }));
}

/** The problem one level up, with groups of the router for experts. */
function groupProblem(
  problem: PlacementProblem,
  { numChiplets, numGroups, slots }: { numChiplets: number; numGroups: number; slots: number },
): PlacementProblem {
  const { numExperts, routerGroups, patterns, layer, objective, expertBytes } = problem;
  const size = numExperts / routerGroups;
  const groupOf = Uint16Array.from({ length: numExperts }, (_, expert) => Math.floor(expert / size));
  return createProblem(quotientPatterns(patterns, groupOf, routerGroups), {
    layer,
    numChiplets,
    numGroups,
    slotsPerChiplet: slots,
    objective,
    expertBytes: Float64Array.from({ length: routerGroups }, (_, group) =>
      sum(expertBytes.subarray(group * size, (group + 1) * size)),
    ),
  });
}

/** The problem of one group of the router, whose experts are counted from 0. */
function partProblem(problem: PlacementProblem, group: number): PlacementProblem {
  const { numExperts, routerGroups, numChiplets, chipletsPerGroup, limits, antiAffinity } = problem;
  const size = numExperts / routerGroups;
  const each = numChiplets / routerGroups;
  const [first, end] = [group * size, (group + 1) * size];
  const { chipletLoad, chipletTokens } = limits;
  return createProblem(restrictPatterns(problem.patterns, { first, end }), {
    layer: problem.layer,
    numChiplets: each,
    numGroups: Math.max(1, each / chipletsPerGroup),
    slotsPerChiplet: problem.slotsPerChiplet,
    objective: problem.objective,
    expertBytes: problem.expertBytes.slice(first, end),
    limits: { chipletLoad, chipletTokens },
    antiAffinity: antiAffinity
      .map((apart) =>
        apart.filter((expert) => expert >= first && expert < end).map((expert) => expert - first),
      )
      .filter(({ length }) => length > 1),
  });
}

/** Whether one of two numbers is a whole multiple of the other. */
function divides(a: number, b: number): boolean {
  return Number.isInteger(a / b) || Number.isInteger(b / a);
}

function expertsOfGroups(
  { numExperts, routerGroups }: PlacementProblem,
  groups: readonly number[],
): number[] {
  const size = numExperts / routerGroups;
  return groups.flatMap((group) => Array.from({ length: size }, (_, place) => group * size + place));
}

/** A mean over tokens of parts of which each counts its own tokens. */
function addProved(parts: readonly { readonly share: number; readonly proved: Proved }[]): Proved {
  const bounds = parts.map(({ share, proved }) => share * (proved.bound ?? NaN));
  const bound = sum(bounds);
  return {
    status: parts.every(({ proved }) => proved.status === "optimal") ? "optimal" : "feasible",
    cost: sum(parts.map(({ share, proved }) => share * proved.cost)),
    ...(!Number.isNaN(bound) && { bound }),
  };
}

/** The largest load of a chiplet over the mean of all, from those over the means of the parts. */
function largestLoad(
  problem: PlacementProblem,
  parts: readonly { readonly problem: PlacementProblem; readonly found: Found }[],
): Proved {
  const scaled = parts.map(({ problem: part, found: { load } }) => {
    const scale = meanChipletLoad(part) / meanChipletLoad(problem);
    return { cost: scale * (load?.cost ?? NaN), bound: scale * (load?.bound ?? 0) };
  });
  const cost = largest(scaled.map((load) => load.cost));
  const bound = largest(scaled.map((load) => load.bound));
  return { status: cost <= bound ? "optimal" : "feasible", cost, bound };
}

const STOPS: readonly StoppedBy[] = ["proof", "rule", "budget", "time limit", "interrupt", "lost thread"];

function worstStop(stops: readonly StoppedBy[]): StoppedBy {
  return STOPS[largest(stops.map((stop) => STOPS.indexOf(stop)))];
}
