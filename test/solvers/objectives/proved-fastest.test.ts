import { expect } from "chai";
import { createProblem } from "../../../lib/placement/problem.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../../lib/placement/solver.js";
import { countTraffic, type LayerTraffic } from "../../../lib/placement/traffic.js";
import { provedTime, scheduledTime, type LeastTimeOf } from "../../../solvers/objectives/modelled-time.js";
import { contiguous } from "../../../solvers/contiguous.js";
import { localSearch } from "../../../solvers/local-search.js";
import { fastest } from "../../../solvers/objectives/time.js";
import { patternsOf, timeOnSomeMachine } from "../arbitrary-problem.js";

const busiest = ({ chipletLoad }: LayerTraffic) => Math.max(...chipletLoad);
const tokens = patternsOf(
  Array.from({ length: 40 }, (_, token) => [token % 4, (token + 1) % 4]),
  4,
);

describe("a search for the least time", () => {
  /** Whether searches go on where a bound is given, as multiples of the busiest load. */
  const goesOn = async (least: LeastTimeOf, batches = [tokens]) => {
    let isAsked = false;
    const judge = () => busiest;
    const estimate = () => (traffic: LayerTraffic) => {
      isAsked = true;
      return busiest(traffic);
    };
    const solver = fastest(localSearch, {
      search: localSearch,
      rivals: () => [contiguous],
      estimate,
      judge,
      least,
    });
    const problem = createProblem(tokens, { numChiplets: 2, batches, objective: timeOnSomeMachine() });
    const solution = await solver.solve(problem, DEFAULT_SOLVER_OPTIONS);
    expect(solution.status).to.equal("feasible");
    return isAsked;
  };

  it("ends at what is proved, with all tokens and on every batch", async () => {
    const met: LeastTimeOf = () => busiest;
    expect(await goesOn(met)).to.equal(false);
    expect(await goesOn(() => (traffic) => 0.99 * busiest(traffic))).to.equal(true);
    // Met with all tokens, but not on a batch of some.
    const some = patternsOf([[0, 1]], 4);
    const ofAll: LeastTimeOf = () => (traffic) => (traffic.numTokens === 40 ? busiest(traffic) : 0);
    expect(await goesOn(ofAll, [some])).to.equal(true);
  });

  it("is proved by the clock that judges: no placement is below", () => {
    const problem = createProblem(tokens, { numChiplets: 2, objective: timeOnSomeMachine() });
    const traffic = countTraffic(
      tokens,
      [
        [0, 2],
        [1, 3],
      ],
      problem,
    );
    const least = provedTime(problem)(traffic, 1);
    expect(least).to.be.above(0).and.at.most(scheduledTime(problem)(traffic));
  });
});
