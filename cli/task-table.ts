import { InputError } from "../index.js";
import type { Placement } from "../doors/placement.js";
import type { Solver } from "../doors/solvers.js";
import { concatTraces, type RoutingTrace, splitParts, type SplitTrace } from "../doors/traces.js";
import { describeFailure } from "./describe/describe.js";
import { evaluateOn } from "./judge.js";
import { type LoadedTrace } from "./load-trace.js";
import type { Machine } from "./machine.js";
import type { Placer } from "./placer.js";
import { formatTable } from "./terminal.js";

/** Tokens of one kind: to learn from, to judge the placement that was learned from them, and to judge others. */
export interface Task {
  readonly name: string;
  readonly split: SplitTrace;
  readonly whole: RoutingTrace;
}

/** Placements learned on one task and judged on every task: on its own by the tokens held out. */
export interface TaskTable {
  readonly solver: string;
  readonly rows: readonly {
    readonly learnedOn: string;
    readonly judgedOn: readonly { task: string; tokenReplication: number; loadMaxOverMean: number }[];
  }[];
}

/** @param name Of the trace, for people. */
export function asTask(name: string, { parts }: Pick<LoadedTrace, "parts">, holdout: number): Task {
  return { name, split: splitParts(parts, holdout), whole: concatTraces(parts) };
}

/**
 * Tells tasks apart that cannot be judged on each other.
 *
 * @throws InputError if they are not of one model.
 */
export function checkTasks([first, ...others]: readonly Task[]): void {
  const layersOf = ({ whole }: Task) => whole.layers.map(({ layer }) => layer).join(", ");
  for (const task of others) {
    for (const count of ["numExperts", "topK"] as const) {
      if (task.whole[count] !== first.whole[count]) {
        throw new InputError(
          `--evaluate-on: ${task.name}: found ${count} ${task.whole[count]}, expected ${first.whole[count]} as in ${first.name}`,
        );
      }
    }
    if (layersOf(task) !== layersOf(first)) {
      throw new InputError(
        `--evaluate-on: ${task.name}: found layers ${layersOf(task)}, expected ${layersOf(first)} as in ${first.name}`,
      );
    }
  }
}

/**
 * Learns a placement on every task and judges it on all.
 *
 * @param yardstick Its placement does not depend on the tokens; it makes the last row.
 * @throws InputError if a task has no placement.
 */
export async function crossEvaluate(
  tasks: readonly Task[],
  {
    solver,
    yardstick,
    machine,
    placer,
  }: { solver: Solver; yardstick: Solver; machine: Machine; placer: Placer },
): Promise<TaskTable> {
  const place = async (task: Task, by: Solver): Promise<Placement> => {
    const outcome = await placer.place(task.split.learn, by);
    if (outcome.status === "placed") return outcome.placement;
    throw new InputError(`--evaluate-on: ${task.name}: ${by.name}: ${describeFailure(outcome)}`);
  };
  const judge = (placement: Placement, learnedOn: Task | undefined) =>
    tasks.map((task) => {
      const tokens = task === learnedOn ? (task.split.heldOut ?? task.whole) : task.whole;
      const { tokenReplication, loadMaxOverMean } = evaluateOn(tokens, placement, machine).mean;
      return { task: task.name, tokenReplication, loadMaxOverMean };
    });
  const rows: TaskTable["rows"][number][] = [];
  for (const task of tasks) {
    rows.push({ learnedOn: task.name, judgedOn: judge(await place(task, solver), task) });
  }
  rows.push({ learnedOn: yardstick.name, judgedOn: judge(await place(tasks[0], yardstick), undefined) });
  return { solver: solver.name, rows };
}

/** The table for people: C_T, and the largest load. */
export function describeTaskTable({ solver, rows }: TaskTable): string {
  const cells = rows.map(({ learnedOn, judgedOn }) => [
    learnedOn,
    ...judgedOn.map(
      ({ tokenReplication, loadMaxOverMean }) =>
        `${tokenReplication.toFixed(3)} (${loadMaxOverMean.toFixed(2)})`,
    ),
  ]);
  const headers = ["learned on", ...rows[0].judgedOn.map(({ task }) => task)];
  return (
    `C_T (and largest load over the mean) of what ${solver} learned on one task, judged on every task; on its own by the\n` +
    `tokens held out:\n\n${formatTable(headers, cells)}`
  );
}
