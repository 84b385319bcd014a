import type { TaskTable } from "../../doors/flows.js";
import { formatTable } from "../terminal.js";

/** Placements learned on one task and judged on every task, for people: C_T, and the largest load. */
export function describeTaskTable({ solver, rows }: TaskTable): string {
  const cells = rows.map(({ learnedOn, judgedOn }) => [
    learnedOn,
    ...judgedOn.map(
      ({ tokenReplication, loadMaxOverMean }) =>
        `${tokenReplication.toFixed(3)} (${loadMaxOverMean.toFixed(2)})`,
    ),
  ]);
  const least = rows[0].judgedOn.map((_, task) =>
    rows.reduce((fewest, { judgedOn }) => Math.min(fewest, judgedOn[task].tokenReplication), Infinity),
  );
  const best = rows.map(({ judgedOn }) => [
    false,
    ...judgedOn.map(({ tokenReplication }, task) => tokenReplication === least[task]),
  ]);
  const headers = ["learned on", ...rows[0].judgedOn.map(({ task }) => task)];
  return (
    `C_T (and largest load over the mean) of what ${solver} learned on one task, judged on every task; on its own by the\n` +
    `tokens held out:\n\n${formatTable(headers, cells, { best })}`
  );
}
