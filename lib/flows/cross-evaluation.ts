import { InputError } from "../errors.js";
import type { Placement } from "../placement/placement.js";
import type { Solver } from "../placement/solver.js";
import { splitParts, type SplitTrace } from "../trace/holdout.js";
import { concatTraces, type RoutingTrace } from "../trace/routing-trace.js";
import type { PlaceBy } from "./compare.js";
import { evaluateOn } from "./judge.js";
import { describeFailure } from "./place.js";
import type { PosedMachine } from "./pose.js";

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

/**
 * Makes a task of each trace.
 *
 * @param named Every task's name, for people, and its trace files.
 * @param holdout Last share of every file to judge on; where it is 0, a task is judged on what was learned from.
 * @throws InputError if they are not of one model, and so cannot be judged on each other.
 */
export function createTasks(
  named: readonly { readonly name: string; readonly parts: readonly RoutingTrace[] }[],
  holdout: number,
): Task[] {
  const tasks = named.map(({ name, parts }) => ({
    name,
    split: splitParts(parts, holdout),
    whole: concatTraces(parts),
  }));
  const [first, ...others] = tasks;
  const layersOf = ({ whole }: Task) => whole.layers.map(({ layer }) => layer).join(", ");
  const check = (task: Task, what: string, found: number | string, expected: number | string) => {
    if (found === expected) return;
    throw new InputError(
      `evaluateOn: ${task.name}: found ${what} ${found}, expected ${expected} as in ${first.name}`,
    );
  };
  for (const task of others) {
    check(task, "numExperts", task.whole.numExperts, first.whole.numExperts);
    check(task, "topK", task.whole.topK, first.whole.topK);
    check(task, "layers", layersOf(task), layersOf(first));
  }
  return tasks;
}

/** Options of {@link crossEvaluate}. */
export interface CrossEvaluation {
  readonly solver: Solver;
  /** Its placement does not depend on the tokens; it makes the last row. */
  readonly yardstick: Solver;
  readonly machine: PosedMachine;
  readonly place: PlaceBy;
}

/**
 * Learns a placement on every task and judges it on all.
 *
 * @throws InputError if a task has no placement.
 */
export async function crossEvaluate(
  tasks: readonly Task[],
  { solver, yardstick, machine, place }: CrossEvaluation,
): Promise<TaskTable> {
  const learn = async (task: Task, by: Solver): Promise<Placement> => {
    const outcome = await place(task.split.learn, by);
    if (outcome.status === "placed") return outcome.placement;
    throw new InputError(`evaluateOn: ${task.name}: ${by.name}: ${describeFailure(outcome)}`);
  };
  const judge = (placement: Placement, learnedOn: Task | undefined) =>
    tasks.map((task) => {
      const tokens = task === learnedOn ? (task.split.heldOut ?? task.whole) : task.whole;
      const { tokenReplication, loadMaxOverMean } = evaluateOn(tokens, placement, machine).mean;
      return { task: task.name, tokenReplication, loadMaxOverMean };
    });
  const rows: TaskTable["rows"][number][] = [];
  for (const task of tasks) {
    rows.push({ learnedOn: task.name, judgedOn: judge(await learn(task, solver), task) });
  }
  rows.push({ learnedOn: yardstick.name, judgedOn: judge(await learn(tasks[0], yardstick), undefined) });
  return { solver: solver.name, rows };
}
