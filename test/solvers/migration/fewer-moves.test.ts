import { expect } from "chai";
import { countMoves } from "../../../lib/placement/migration.js";
import { withFewerMoves } from "../../../solvers/migration/fewer-moves.js";

describe("withFewerMoves", () => {
  it("takes all moves back where any placement is as good", () => {
    const running = [
      [0, 1, 2],
      [3, 4],
      [5, 6, 0],
    ];
    for (const chiplets of [
      [
        [3, 4, 2],
        [0, 1],
        [5, 6, 0],
      ],
      [
        [0, 1],
        [3, 4, 2],
        [5, 6],
      ],
      [
        [0, 5, 2],
        [3, 1],
        [4, 6, 0],
      ],
      [
        [0, 1, 6],
        [3, 4],
        [5, 6, 2],
      ],
    ])
      expect(
        countMoves(
          running,
          withFewerMoves(running, chiplets, () => true),
        ),
        JSON.stringify(chiplets),
      ).to.equal(0);
  });

  it("keeps those without which it would not be as good", () => {
    const running = [
      [0, 1],
      [2, 3],
    ];
    const kept = withFewerMoves(running, running.toReversed(), (chiplets) => chiplets[0].includes(2));
    expect(countMoves(running, kept)).to.equal(2);
    expect(kept[0]).to.include(2);
  });
});
