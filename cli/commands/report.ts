import { basename } from "node:path";
import { Command, Option } from "commander";
import { InputError } from "../../index.js";
import {
  differentSolvers,
  judge,
  poseFor,
  poseLayer,
  provedOn,
  type ReadTokens,
  runSolvers,
  type ComparedSolver,
} from "../../doors/flows.js";
import type { Placement } from "../../doors/placement.js";
import { defaultDispatch } from "../../doors/problem.js";
import { reportPage, type ObjectiveName } from "../../doors/report.js";
import { solvers as solverTable } from "../../doors/solvers.js";
import { splitParts, type SplitTrace } from "../../doors/traces.js";
import { addDrawsOption, contiguousOn, type WorthCommandOptions } from "../before-after.js";
import { describeInput } from "../describe/describe.js";
import { loadTrace } from "../load-trace.js";
import {
  checkMachineNames,
  checkMachineOptions,
  addMachineOptions,
  loadMachine,
  loadMachineOf,
  type Machine,
  type MachineOptions,
} from "../machine.js";
import {
  addForceOption,
  addTerminalOptions,
  addTraceOptions,
  choiceOption,
  numberOption,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { openPlacer } from "../placer.js";
import { readPlacement, sortPaths } from "../read-files.js";
import { reportMaking } from "../report-making.js";
import { OBJECTIVES, requestOf, SOLVE_DEFAULTS, withObjective, type Objective } from "../solve-options.js";
import { openTerminal, type Terminal } from "../terminal.js";
import { addPngOption, checkPictures, writePictures, type PictureOptions } from "../write-figures.js";

interface ReportCommandOptions
  extends FileCommandOptions, PictureOptions, TraceOptions, MachineOptions, WorthCommandOptions {
  readonly output: string;
  readonly holdout?: number;
  readonly objective?: Objective;
}

export function reportCommand(): Command {
  const command = new Command("report")
    .summary("placements on a page to look at: time, what binds, layers, links, schedule")
    .description(
      "Shows placements beside the contiguous one on a page that needs no network: the answer first, then solvers, layers, " +
        "floor plan with links, schedule, energy, batches, and how it was made. Without a placement, every solver places the trace " +
        "first, as compare does.",
    )
    .argument("<files...>", "traces, read as one, and placement files")
    .requiredOption("-o, --output <file.html>", "page to write")
    .addOption(
      numberOption("--holdout <share>", "judge on this last share of every trace file", {
        above: 0,
        below: 1,
      }).default(undefined, "as the first placement says, or 0.25"),
    )
    .addOption(objectiveOption());
  addDrawsOption(command).option(
    "--svg <file.svg|folder>",
    "write the same as one picture, or every picture with its data",
  );
  addMachineOptions(addTraceOptions(command), { chiplets: false });
  return addPngOption(addTerminalOptions(addForceOption(command)))
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace report trace.jsonl.gz -o report.html\n  moeplace report trace.jsonl.gz p.json -o p.html",
    )
    .action(async (paths: string[], options: ReportCommandOptions) => {
      const terminal = openTerminal(options);
      checkOutput(options.output, options);
      await checkPictures(options);
      const { traces, placements: files } = sortPaths(paths);
      const given = { options, traces, terminal };
      const { solvers, split, machine, objective } =
        files.length === 0 ? await placeHere(given) : await readPlacements(files, given);
      const drawn = {
        ...machine,
        solvers,
        trace: split.learn,
        heldOut: split.heldOut,
        objective,
        draws: options.draws,
      };
      terminal.progress(() => `drawing ${options.output}`);
      const page = await reportPage({
        ...drawn,
        facts: describeInput(split, machine).split("\n"),
        making: await reportMaking(paths, options, command),
      });
      await writeOutput(options.output, page, options);
      await writePictures(drawn, options);
      terminal.printJson({ file: options.output, placements: files });
      terminal.print(`wrote ${options.output}`);
    });
}

interface Given {
  readonly options: ReportCommandOptions;
  readonly traces: readonly string[];
  readonly terminal: Terminal;
}

/** What a report shows, and what it judges by. */
interface Shown {
  readonly solvers: readonly ComparedSolver[];
  readonly split: SplitTrace;
  readonly machine: Machine;
  readonly objective: ObjectiveName;
}

/** The placements of files beside the contiguous one. */
async function readPlacements(
  files: readonly string[],
  { options, traces, terminal }: Given,
): Promise<Shown> {
  const placements: Placement[] = [];
  for (const file of files) placements.push(await readPlacement(file));
  const [first] = placements;
  await checkMachineNames(options);
  const { trace, parts } = await loadTrace(traces, options, terminal);
  const holdout = options.holdout ?? first.provenance?.holdout ?? 0;
  const split = splitParts(parts, holdout);
  const machine = await loadMachineOf(first, options, { trace, terminal });
  const { hardware } = machine;
  const odd = placements.findIndex(({ numChiplets }) => numChiplets !== first.numChiplets);
  if (odd >= 0) {
    throw new InputError(
      `${files[odd]}: found ${placements[odd].numChiplets} chiplets, expected ${first.numChiplets} as in ${files[0]}`,
    );
  }
  const solvers = [
    await contiguousRow(split, machine),
    ...placements.map((read, index) => {
      const placement = { dispatch: defaultDispatch(hardware), ...read };
      return row(nameOf(files, index), { placement, tokens: { parts, holdout }, split, machine });
    }),
  ];
  const told = options.objective === "balance" ? "load" : options.objective;
  return { solvers, split, machine, objective: told ?? first.provenance?.objective ?? "time" };
}

/** Placements by every solver, made here and now as `compare` makes them. */
async function placeHere({ options: given, traces, terminal }: Given): Promise<Shown> {
  await checkMachineOptions(given);
  const { trace, parts } = await loadTrace(traces, given, terminal);
  const machine = await loadMachine(given, trace, terminal);
  const { options } = withObjective({ ...SOLVE_DEFAULTS, ...given, holdout: given.holdout ?? 0.25 }, machine);
  const split = splitParts(parts, options.holdout);
  const request = requestOf(options);
  const problem = poseLayer(split.learn, split.learn.layers[0], poseFor(split.learn, machine, request));
  const chosen = differentSolvers(solverTable, problem);
  const placer = await openPlacer(machine, options, { parts, solvers: chosen, terminal });
  const { place, signal } = placer;
  const scheduled = options.objective === "time";
  const solvers = await runSolvers(split, { solvers: chosen, machine, place, scheduled, signal }).finally(
    () => placer.close(),
  );
  return { solvers, split, machine, objective: request.objective ?? "traffic" };
}

function objectiveOption(): Option {
  const option = choiceOption("--objective <name>", "what to judge by", OBJECTIVES);
  return option.default(undefined, "what the first placement minimises, or time where it is known");
}

/** Placements go by their files' names, short where that tells them apart. */
function nameOf(files: readonly string[], index: number): string {
  const short = files.map((file) => basename(file).replace(/\.json$/, ""));
  return short.filter((name) => name === short[index]).length > 1 ? files[index] : short[index];
}

/** The placement that engines load, to compare with. */
async function contiguousRow(split: SplitTrace, machine: Machine): Promise<ComparedSolver> {
  const placement = await contiguousOn(split.learn, machine);
  const answer = placement
    ? { status: "placed" as const, placement, ...judge(placement, split, machine) }
    : { status: "infeasible" as const, reason: "the machine has no room for it" };
  return { name: "contiguous", answer, seconds: 0 };
}

/** What a file proves holds for the tokens it was made from alone. */
function row(
  name: string,
  {
    placement,
    tokens,
    split,
    machine,
  }: { placement: Placement; tokens: ReadTokens; split: SplitTrace; machine: Machine },
): ComparedSolver {
  const known = split.learn.layers.map(({ layer }) => layer);
  const proved = provedOn(placement, tokens);
  const own = { ...proved, layers: proved.layers.filter(({ layer }) => known.includes(layer)) };
  const judged = judge(own, split, machine);
  const layers = own.layers.map((layer, index) => ({
    ...layer,
    cost: judged.learned.layers[index].tokenReplication,
  }));
  return {
    name,
    isFile: true,
    answer: { status: "placed", placement: { ...own, layers }, ...judged },
    seconds: 0,
  };
}
