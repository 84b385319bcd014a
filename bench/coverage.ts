import { readFileSync } from "node:fs";
import { relative } from "node:path";

// Lines that the tests reach, by room, from what c8 counted: npm run coverage. Ends with 1 below the floor.
const FLOOR = 95;
/** Rooms that the floor is for: what decides about placements. */
const HELD = ["lib", "solvers"];

interface Summary {
  readonly lines: { readonly total: number; readonly covered: number };
}

const summary = JSON.parse(readFileSync("coverage/coverage-summary.json", "utf8")) as Record<string, Summary>;
const rooms = new Map<string, { total: number; covered: number }>();
for (const [path, { lines }] of Object.entries(summary)) {
  if (path === "total") continue;
  const [room] = relative(process.cwd(), path).split("/");
  const { total, covered } = rooms.get(room) ?? { total: 0, covered: 0 };
  rooms.set(room, { total: total + lines.total, covered: covered + lines.covered });
}
const percent = ({ total, covered }: { total: number; covered: number }) => (100 * covered) / total;
for (const [room, lines] of rooms)
  console.log(`${room.padEnd(8)} ${percent(lines).toFixed(2)} % of ${lines.total} lines`);
// What nothing was counted of is below the floor, too.
const low = HELD.filter((room) => !(percent(rooms.get(room) ?? { total: 1, covered: 0 }) >= FLOOR));
if (low.length > 0) {
  console.error(`coverage: found ${low.join(" and ")} below ${FLOOR} % of lines`);
  process.exitCode = 1;
}
