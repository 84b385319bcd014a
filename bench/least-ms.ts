const RUNS = 7;

/** Processor time of the cheapest of several runs, in milliseconds: what other work on the machine disturbs least. */
export function leastMs(run: () => unknown): number {
  const times = Array.from({ length: RUNS }, () => {
    const begun = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
