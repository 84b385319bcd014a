import { smallest } from "../statistics.js";

/** A name to be written beside a point; all in pixels, from the top left. */
export interface Labelled {
  readonly x: number;
  readonly y: number;
  /** Radius of the point. */
  readonly r: number;
  /** As it is estimated: a drawing knows no fonts. */
  readonly width: number;
  readonly height: number;
}

/** Where a name stands. */
export interface LabelPlace {
  /** Its end beside the point, and the middle of its height. */
  readonly x: number;
  readonly y: number;
  readonly textAnchor: "start" | "end";
  /** Whether it is so far off that a line has to lead to its point. */
  readonly isFar: boolean;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Candidate extends LabelPlace {
  readonly box: Box;
  readonly cost: number;
}

/** Ways around a point, in degrees clockwise from the right: those that read best first. */
const DIRECTIONS = [0, 180, 30, -30, 150, -150, 60, -60, 120, -120, 85, -85, 95, -95];
/** Free pixels between a point and its name, the nearest first. */
const DISTANCES = [4, 12, 22, 34, 48, 64, 82, 104, 130];
/** What lies over another costs more than any distance. */
const OVERLAP = 1000;
/** A line that crosses another or a point is worse than a longer one. */
const CROSSING = 60;
/** A name this near to the point of another, in pixels, may be taken for its own. */
const NEAR = 7;
const AMBIGUOUS = 9;
/** Pixels around a point and between names that stay free. */
const FREE = 2;

/**
 * Finds a place for the name of every point: as near as can be, over no point and no other name, and not over the lines that lead from
 * names farther off to their points. Where there is no such place, the one with the least of that.
 *
 * Those with the most points around them choose first.
 *
 * @param points Names, with their points.
 * @param area Nothing stands outside it: from 0 to its width and height.
 * @returns In the order of the points.
 *
 * @example
 * placeLabels([{ x: 50, y: 50, r: 5, width: 40, height: 14 }], { width: 200, height: 100 })[0].x; // 59
 */
export function placeLabels(
  points: readonly Labelled[],
  area: { readonly width: number; readonly height: number },
): LabelPlace[] {
  const crowd = points.map(
    (point) => points.filter((other) => Math.hypot(other.x - point.x, other.y - point.y) < 60).length,
  );
  const order = points.map((_, index) => index).sort((left, right) => crowd[right] - crowd[left]);
  const placed = new Map<number, Candidate>();
  // Who chose early chooses again when it knows of the others.
  for (const index of [...order, ...order, ...order]) {
    placed.delete(index);
    const all = candidatesFor(points[index]).map((candidate) => ({
      ...candidate,
      cost: candidate.cost + costOf(candidate, { index, points, placed, area }),
    }));
    const least = smallest(all.map(({ cost }) => cost));
    placed.set(index, all.find(({ cost }) => cost === least) ?? all[0]);
  }
  return points.map((_, index) => {
    const { x, y, textAnchor, isFar } = placed.get(index) as Candidate;
    return { x, y, textAnchor, isFar };
  });
}

function candidatesFor({ x, y, r, width, height }: Labelled): Candidate[] {
  return DISTANCES.flatMap((distance, far) =>
    DIRECTIONS.map((degrees, turn) => {
      const angle = (degrees * Math.PI) / 180;
      const end = { x: x + (r + distance) * Math.cos(angle), y: y + (r + distance) * Math.sin(angle) };
      const isRight = Math.abs(degrees) <= 90;
      // Above and below, the whole height of the name has to be clear of the point, not its middle.
      const middle = end.y + (Math.sin(angle) * height) / 2;
      const left = isRight ? end.x : end.x - width;
      return {
        x: end.x,
        y: middle,
        textAnchor: isRight ? ("start" as const) : ("end" as const),
        isFar: far > 0,
        box: { left, right: left + width, top: middle - height / 2, bottom: middle + height / 2 },
        cost: distance + 0.5 * turn,
      };
    }),
  );
}

function costOf(
  { x, y, box, isFar }: Candidate,
  {
    index,
    points,
    placed,
    area,
  }: {
    readonly index: number;
    readonly points: readonly Labelled[];
    readonly placed: ReadonlyMap<number, Candidate>;
    readonly area: { readonly width: number; readonly height: number };
  },
): number {
  const own = points[index];
  let cost = 0;
  if (box.left < 0 || box.top < 0 || box.right > area.width || box.bottom > area.height) cost += OVERLAP;
  points.forEach((point, other) => {
    if (reaches(box, point, FREE)) cost += OVERLAP;
    else if (other !== index && reaches(box, point, NEAR)) cost += AMBIGUOUS;
    const isElsewhere = other !== index && Math.hypot(point.x - own.x, point.y - own.y) > point.r + own.r;
    if (isFar && isElsewhere && distanceTo(point, own, { x, y }) < point.r + FREE) cost += CROSSING;
  });
  for (const [other, rival] of placed) {
    const from = points[other];
    if (
      box.left < rival.box.right + FREE &&
      box.right > rival.box.left - FREE &&
      box.top < rival.box.bottom &&
      box.bottom > rival.box.top
    ) {
      cost += OVERLAP;
    }
    if (rival.isFar && crossesBox(from, rival, box)) cost += OVERLAP;
    if (isFar && crossesBox(own, { x, y }, rival.box)) cost += OVERLAP;
    if (isFar && rival.isFar && crosses(own, { x, y }, from, rival)) cost += CROSSING;
  }
  return cost;
}

interface Spot {
  readonly x: number;
  readonly y: number;
}

function reaches({ left, right, top, bottom }: Box, { x, y, r }: Labelled, free: number): boolean {
  const [dx, dy] = [x - Math.min(right, Math.max(left, x)), y - Math.min(bottom, Math.max(top, y))];
  return Math.hypot(dx, dy) < r + free;
}

/** How far a spot is from a line between two others. */
function distanceTo(spot: Spot, from: Spot, to: Spot): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : ((spot.x - from.x) * dx + (spot.y - from.y) * dy) / length;
  const at = Math.min(1, Math.max(0, share));
  return Math.hypot(spot.x - from.x - at * dx, spot.y - from.y - at * dy);
}

function crossesBox(from: Spot, to: Spot, { left, right, top, bottom }: Box): boolean {
  const isWithin = ({ x, y }: Spot) => x > left && x < right && y > top && y < bottom;
  return (
    isWithin(from) ||
    isWithin(to) ||
    crosses(from, to, { x: left, y: top }, { x: right, y: bottom }) ||
    crosses(from, to, { x: left, y: bottom }, { x: right, y: top })
  );
}

function crosses(a: Spot, b: Spot, c: Spot, d: Spot): boolean {
  const side = (p: Spot, q: Spot, r: Spot) =>
    Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}
