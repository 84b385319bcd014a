import { Command, Option } from "commander";
import { InputError } from "../../index.js";
import {
  chooseObjective,
  estimatePoints,
  gridMachines,
  parseSweep,
  planSweep,
  runSweep,
  type GridMachine,
  type PlacementRequest,
  type SweepConfig,
  type SweepPlan,
  type SweepPoint,
} from "../../doors/flows.js";
import { aimAtEngine, findTarget, hashTrace, type EngineTarget } from "../../doors/placement.js";
import { overrideHardware } from "../../doors/hardware.js";
import { counted, markFronts, sweepCsv, sweepData, sweepPage, sweepTable } from "../../doors/report.js";
import { estimateSeconds, requireSolver, type BackendName, type Solver } from "../../doors/solvers.js";
import { splitParts } from "../../doors/traces.js";
import { withTransport } from "../engine-option.js";
import { EXIT } from "../exit-code.js";
import { withFlags } from "../field-flags.js";
import { loadTrace, type LoadedTrace } from "../load-trace.js";
import { findMachine, loadMachine, requireGpus, type Machine, type TracedModel } from "../machine.js";
import { addForceOption, addTableOptions, integerOption, type FileCommandOptions } from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { readDocument } from "../read-files.js";
import { addQueueOption, openRunner, type RunnerOptions } from "../solver-runner.js";
import { openPace } from "../sweep-pace.js";
import { formatTable, openTerminal, type Terminal } from "../terminal.js";

interface SweepOptions extends FileCommandOptions, RunnerOptions {
  readonly plan?: boolean;
  readonly output?: string;
  readonly report?: string;
}

/** Grids of more points than this are a slip in a list. */
const MOST_POINTS = 10_000;

/** @param end Told the exit code where Ctrl-C cut it short, or no point has a placement. */
export function sweepCommand(end: (exitCode: number) => void): Command {
  const command = new Command("sweep")
    .summary("a grid of traces, machines, workloads, objectives, replicas and solvers")
    .description(
      "Places and measures every point of a grid, as architects explore machines. The configuration is JSON or YAML\n" +
        "(docs/sweep.md); points that differ in nothing a solver is told share what is solved.",
    )
    .argument("<config>", "grid to sweep")
    .option("--plan", "say what there is to do and how long it is estimated to take, and do nothing");
  addTableOptions(addForceOption(command))
    .option("-o, --output <file.csv>", "write the table as comma-separated values")
    .option("--report <file.html>", "write one HTML page with the Pareto fronts of time");
  return addQueueOption(command.optionsGroup("Running:"))
    .addOption(integerOption("--threads <n>", "worker threads, a layer each (default: one a core)", 1))
    .addOption(
      new Option(
        "--checkpoint <file>",
        "keep finished layers there, and go on from them where a run was killed",
      ),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace sweep grid.yaml --plan\n  moeplace sweep grid.yaml --report sweep.html",
    )
    .action(async (path: string, options: SweepOptions) => {
      const terminal = openTerminal(options);
      for (const output of [options.output, options.report]) {
        if (output !== undefined) checkOutput(output, options);
      }
      const config = await parseSweep(await readDocument(path), path);
      const loaded = await loadTraces(config, terminal);
      const points = await createPoints(config, loaded, terminal);
      const plan = planSweep(points, estimateSeconds);
      if (options.plan) {
        terminal.printJson(plan);
        terminal.printCsv([plan]);
        terminal.print(describePlan(plan));
        return;
      }
      const made = () => ({ ...config, traceSha256: hashTrace(loaded.flatMap(({ parts }) => parts)) });
      const runner = await openRunner({ ...options, shares: true }, terminal, made);
      terminal.note(describePlan(plan));
      const progress = openProgress(estimatePoints(points, estimateSeconds), runner.numAtOnce, terminal);
      const backends = { columns: "highs" as BackendName, groups: "highs" as BackendName };
      const rows = await runSweep(
        points.map((point) => ({ ...point, solver: runner.run(point.solver) })),
        {
          solverOptions: { seed: config.seed, backends, signal: runner.signal },
          concurrency: runner.numAtOnce,
          pointsAtOnce: runner.numAtOnce,
          onPoint: progress,
        },
      ).finally(() => {
        terminal.progress();
        return runner.close();
      });
      const marked = markFronts(rows);
      if (options.output !== undefined) await writeOutput(options.output, `${sweepCsv(marked)}\n`, options);
      if (options.report !== undefined) {
        const facts = [`${path}: ${describePlan(plan).split(";")[0]}`, `seed ${config.seed}`];
        await writeOutput(options.report, await sweepPage(rows, facts), options);
      }
      terminal.printJson({ plan, rows: sweepData(marked) });
      terminal.printCsv(sweepCsv(marked));
      const { headers, cells, best, common } = sweepTable(marked);
      if (common !== "") terminal.print(`${common}\n`);
      terminal.print(formatTable(headers, cells, { best }));
      for (const { machine, solver, reason } of rows) {
        if (reason !== undefined) terminal.print(`${machine}, ${solver}: ${reason}`);
      }
      if (runner.signal.aborted) end(EXIT.interrupted);
      else if (rows.some(({ status }) => status === "failed")) end(EXIT.bug);
      else if (rows.every(({ tokenReplication }) => tokenReplication === undefined)) {
        end(rows.some(({ status }) => status === "undecided") ? EXIT.undecided : EXIT.infeasible);
      }
    });
}

async function loadTraces(
  { traces, layers }: SweepConfig,
  terminal: Terminal,
): Promise<(LoadedTrace & { readonly name: string })[]> {
  const loaded = [];
  for (const { name, files } of traces) {
    loaded.push({ name, ...(await loadTrace(files, layers ? { layers } : {}, terminal)) });
  }
  return loaded;
}

/** Every point of the grid, in the order of the configuration. */
async function createPoints(
  config: SweepConfig,
  loaded: readonly (LoadedTrace & { readonly name: string })[],
  terminal: Terminal,
): Promise<SweepPoint[]> {
  const machines = gridMachines(config);
  const workloads = config.workloads ?? [{ name: "default" }];
  const { objectives = [undefined], replicas, solvers } = config;
  const [engines, dispatches] = [listed(config.for), listed(config.dispatch)];
  const axes = [loaded, machines, workloads, engines, objectives, dispatches, replicas, solvers];
  const numPoints = axes.reduce((product, { length }) => product * length, 1);
  if (numPoints > MOST_POINTS) {
    throw new InputError(`sweep: found ${numPoints} points, expected at most ${MOST_POINTS}`);
  }
  const chosen = solvers.map(requireSolver);
  const notes = new Set<string>();
  const points: SweepPoint[] = [];
  for (const { name: trace, trace: whole, parts } of loaded) {
    const split = splitParts(parts, config.holdout);
    for (const gridMachine of machines) {
      for (const { name: workload, ...step } of workloads) {
        const built = await buildMachine(gridMachine, { ...step, model: config.model }, whole, terminal);
        const areaMm2 = siliconOf(gridMachine, built);
        const { hardware } = gridMachine;
        const isTold = "transport" in step && step.transport !== undefined;
        for (const engine of engines) {
          if (engine !== undefined) requireGpus(hardware === undefined ? {} : { hardware }, engine);
          const target = engine === undefined ? undefined : findTarget(engine, whole.model);
          const machine = target && !isTold ? withTransport(built, target.engine) : built;
          for (const [objective, dispatch, numReplicas] of choices(objectives, dispatches, replicas)) {
            const asked = { numReplicas, slotsPerChiplet: config.slots, maxLoad: config.maxLoad, dispatch };
            const request = target ? aimed(asked, target, { whole, machine, notes }) : asked;
            for (const solver of chosen) {
              points.push({
                names: { trace, machine: gridMachine.name, workload, engine },
                split,
                machine,
                request: { ...request, objective: objectiveOf(objective, { solver, machine }) },
                solver,
                areaMm2,
              });
            }
          }
        }
      }
    }
  }
  for (const note of notes) terminal.note(withFlags(note));
  return points;
}

/** What is asked, as an engine needs it. */
function aimed(
  request: PlacementRequest,
  target: EngineTarget,
  { whole, machine, notes }: { whole: LoadedTrace["trace"]; machine: Machine; notes: Set<string> },
): PlacementRequest {
  const { numGroups, chipletsPerGroup } = machine.hardware;
  const asNeeded = aimAtEngine(request, target, {
    model: whole.model,
    numExperts: whole.numExperts,
    numChiplets: numGroups * chipletsPerGroup,
    layers: whole.layers.map(({ layer }) => layer),
    sharedExperts: whole.sharedExperts,
  });
  for (const note of asNeeded.notes) notes.add(note);
  return asNeeded.request;
}

/** One value or several; where none is told, what is by default. */
function listed<T>(value: T | T[] | undefined): (T | undefined)[] {
  return Array.isArray(value) ? value : [value];
}

/** Every choice of one value of each, the last fastest. */
function choices<A, B, C>(first: readonly A[], second: readonly B[], third: readonly C[]): [A, B, C][] {
  return first.flatMap((a) => second.flatMap((b) => third.map((c): [A, B, C] => [a, b, c])));
}

function siliconOf({ areaMm2 }: GridMachine, { hardware }: Machine): number | undefined {
  const { numGroups, chipletsPerGroup } = hardware;
  return areaMm2 && areaMm2.fixed + numGroups * (areaMm2.perGroup + chipletsPerGroup * areaMm2.perChiplet);
}

/** As told, or else as `place` chooses where the solver is named and "auto" is not. */
function objectiveOf(
  told: "traffic" | "balance" | "time" | undefined,
  { solver, machine }: { solver: Solver; machine: Machine },
): PlacementRequest["objective"] {
  const objective = told === "balance" ? "load" : told;
  return chooseObjective({ objective, solvers: [solver.name] }, machine).minimise;
}

/** A machine of the grid with one workload. */
async function buildMachine(
  { name, hardware, chiplets, groups, set }: GridMachine,
  options: Readonly<Record<string, unknown>>,
  traced: TracedModel,
  terminal: Terminal,
): Promise<Machine> {
  const given = Object.entries({ ...options, hardware, chiplets, groups }).filter(
    ([, value]) => value !== undefined,
  );
  try {
    const found = await findMachine(hardware);
    const machine = await overrideHardware(found, set);
    return await loadMachine({ ...Object.fromEntries(given), machine }, traced, terminal);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`machine ${name}: ${error.message}`, error.advice);
  }
}

function describePlan({ numPoints, numLayers, numJobs, coreSeconds }: SweepPlan): string {
  const points = `${counted(numPoints, "point")}, ${counted(numLayers, "layer")}, of which ${numJobs} differ`;
  return coreSeconds === null
    ? `${points}; how long they take is not known beforehand`
    : `${points}; estimated to take ${describeSeconds(coreSeconds)} of one core, give or take a factor of three`;
}

/** Says after every point how many are done, and how long the others take once that shows. */
function openProgress(
  estimated: readonly (number | undefined)[],
  atOnce: number,
  terminal: Terminal,
): (index: number) => void {
  const begin = performance.now();
  const secondsNow = () => (performance.now() - begin) / 1000;
  const pace = openPace(estimated, atOnce);
  let numDone = 0;
  const describe = () => {
    const left = pace.secondsLeft();
    const then = left === undefined ? "" : `, about ${describeSeconds(left)} left`;
    return `${numDone} of ${estimated.length} points, ${describeSeconds(secondsNow())}${then}`;
  };
  terminal.progress(describe);
  return (index) => {
    numDone++;
    pace.done(index, secondsNow());
    terminal.progress(describe);
  };
}

function describeSeconds(seconds: number): string {
  if (seconds < 100) return `${seconds.toPrecision(2)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}
