import fc from "fast-check";
import { TaskGraphBuilder, type TaskGraph } from "../../lib/task-graph/task-graph.js";

/** Small graphs of every kind: chains, joins, latencies, transfers forwarded while they arrive, milestones. */
export function smallGraphs(maxTasks: number): fc.Arbitrary<TaskGraph> {
  const edge = fc.record({
    back: fc.integer({ min: 1, max: 4 }),
    lagNs: fc.integer({ min: 0, max: 3 }),
    alongside: fc.boolean(),
  });
  const task = fc.record({
    resource: fc.integer({ min: -1, max: 2 }),
    durationNs: fc.integer({ min: 0, max: 9 }),
    weight: fc.integer({ min: 0, max: 9 }),
    edges: fc.array(edge, { maxLength: 2 }),
  });
  return fc.array(task, { minLength: 1, maxLength: maxTasks }).map((tasks) => {
    const builder = new TaskGraphBuilder();
    for (const name of ["one", "two", "three"]) builder.resource(name);
    tasks.forEach(({ resource, durationNs, weight, edges }, index) => {
      builder.task({ kind: `kind ${index % 3}`, resource, durationNs, weight, part: index });
      if (resource < 0) builder.milestone(Math.max(0, index - weight));
      for (const { back, lagNs, alongside } of edges) {
        if (back > index) continue;
        if (alongside) builder.alongside(index, index - back, lagNs);
        else builder.after(index, index - back, lagNs);
      }
    });
    return builder.build();
  });
}

/**
 * The shortest makespan there is, by trying every order of the tasks.
 *
 * An order of all tasks, each as early as those before it let it, reaches every schedule that cannot be pushed
 * left, and one of these is optimal.
 */
export function shortestMakespanNs(graph: TaskGraph): number {
  const { numTasks, durationNs, resourceOf, predecessorOffsets, predecessors, predecessorLagNs } = graph;
  const startNs: number[] = new Array<number>(numTasks).fill(-1);
  let bestNs = Infinity;
  const place = (numPlaced: number, freeNs: readonly number[], endNs: number) => {
    if (endNs >= bestNs) return;
    if (numPlaced === numTasks) {
      bestNs = endNs;
      return;
    }
    for (let task = 0; task < numTasks; task++) {
      if (startNs[task] >= 0) continue;
      let from = resourceOf[task] < 0 ? 0 : freeNs[resourceOf[task]];
      let waits = false;
      for (let edge = predecessorOffsets[task]; edge < predecessorOffsets[task + 1]; edge++) {
        if (startNs[predecessors[edge]] < 0) waits = true;
        from = Math.max(from, startNs[predecessors[edge]] + predecessorLagNs[edge]);
      }
      if (waits) continue;
      const end = from + durationNs[task];
      startNs[task] = from;
      place(
        numPlaced + 1,
        freeNs.map((free, resource) => (resource === resourceOf[task] ? end : free)),
        Math.max(endNs, end),
      );
      startNs[task] = -1;
    }
  };
  place(
    0,
    graph.resources.map(() => 0),
    0,
  );
  return bestNs;
}
