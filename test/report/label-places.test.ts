import { expect } from "chai";
import { placeLabels, type Labelled } from "../../lib/report/label-places.js";
import { createRandom } from "../../lib/random.js";

const AREA = { width: 600, height: 400 };

function boxes(points: readonly Labelled[]) {
  return placeLabels(points, AREA).map(({ x, y, textAnchor, isFar }, index) => {
    const { width, height } = points[index];
    const left = textAnchor === "start" ? x : x - width;
    return { left, right: left + width, top: y - height / 2, bottom: y + height / 2, isFar };
  });
}

describe("placeLabels", () => {
  it("writes a name beside a point that is alone, to its right where there is room", () => {
    const [middle, edge] = [300, 590].map((x) => placeLabels([{ x, y: 200, r: 7, width: 80, height: 15 }], AREA)[0]); // prettier-ignore
    expect(middle).to.deep.include({ textAnchor: "start", isFar: false, y: 200 });
    expect(edge).to.deep.include({ textAnchor: "end", isFar: false, y: 200 });
  });

  it("keeps names of crowded points off one another, off all points and within the area", () => {
    const random = createRandom(1);
    for (let round = 0; round < 20; round++) {
      const points = Array.from({ length: 9 }, () => ({
        x: 420 + 60 * random.next(),
        y: 150 + 60 * random.next(),
        r: 7,
        width: 60 + 50 * random.next(),
        height: 15,
      }));
      const placed = boxes(points);
      placed.forEach((box, index) => {
        expect(box.left).to.be.at.least(0);
        expect(box.right).to.be.at.most(AREA.width);
        for (const { x, y, r } of points) {
          const dx = x - Math.min(box.right, Math.max(box.left, x));
          const dy = y - Math.min(box.bottom, Math.max(box.top, y));
          expect(Math.hypot(dx, dy)).to.be.above(r);
        }
        for (const other of placed.slice(index + 1)) {
          const isApart =
            box.left >= other.right ||
            box.right <= other.left ||
            box.top >= other.bottom ||
            box.bottom <= other.top;
          expect(isApart, `round ${round}`).to.equal(true);
        }
      });
    }
  });
});
