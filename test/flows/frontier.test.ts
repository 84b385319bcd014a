import { expect } from "chai";
import { traceFrontier, withoutDominated, type FrontierPoint } from "../../lib/flows/frontier.js";
import { DEFAULT_SOLVER_OPTIONS } from "../../lib/placement/solver.js";
import { exact } from "../../solvers/exact.js";
import { skewedTrace } from "../skewed-trace.js";

const point = (tokenReplication: number, loadMaxOverMean: number): FrontierPoint => ({
  maxLoad: Infinity,
  tokenReplication,
  loadMaxOverMean,
  isProved: true,
});

describe("frontier", () => {
  it("drops points that another beats, and all but the first of equals", () => {
    const points = [point(2, 3), point(3, 2), point(3, 2), point(3, 3), point(4, 1), point(4, 2)];
    expect(withoutDominated(points)).to.deep.equal([point(2, 3), point(3, 2), point(4, 1)]);
  });

  it("pays for balance with traffic, within every cap", async () => {
    const points = await traceFrontier(
      skewedTrace(),
      { posing: { numChiplets: 4 }, solver: exact, solverOptions: DEFAULT_SOLVER_OPTIONS },
      [Infinity, 1.5, 1.2, 1.1],
    );
    expect(points.length).to.be.greaterThan(1);
    points.forEach((current, index) => {
      expect(current.loadMaxOverMean).to.be.at.most(current.maxLoad * (1 + 1e-9));
      expect(current.isProved).to.equal(true);
      if (index === 0) return;
      expect(current.loadMaxOverMean).to.be.below(points[index - 1].loadMaxOverMean);
      expect(current.tokenReplication).to.be.above(points[index - 1].tokenReplication);
    });
  });

  it("is never worse under a laxer cap, because placements are carried over", async () => {
    const starts: unknown[] = [];
    await traceFrontier(
      skewedTrace(),
      {
        posing: { numChiplets: 4 },
        solver: {
          ...exact,
          solve: (problem, options) => {
            starts.push(options.start);
            return exact.solve(problem, options);
          },
        },
        solverOptions: DEFAULT_SOLVER_OPTIONS,
      },
      [Infinity, 1.2],
    );
    expect(starts[0]).to.be.undefined;
    expect(starts.at(-1)).to.not.be.undefined;
  });
});
