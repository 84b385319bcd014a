import { basename } from "node:path";
import { Command, Option } from "commander";
import { InputError } from "../../index.js";
import { judge, type ComparedSolver } from "../../doors/flows.js";
import { hashTrace, type Placement } from "../../doors/placement.js";
import { reportPage } from "../../doors/report.js";
import { splitParts, type RoutingTrace, type SplitTrace } from "../../doors/traces.js";
import { addDrawsOption, contiguousOn, type WorthCommandOptions } from "../before-after.js";
import { describeInput } from "../describe/describe.js";
import { loadTrace } from "../load-trace.js";
import { addMachineOptions, loadMachineOf, type Machine, type MachineOptions } from "../machine.js";
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
import { readPlacement, sortPaths } from "../read-files.js";
import { reportMaking } from "../report-making.js";
import { OBJECTIVES, type Objective } from "../solve-options.js";
import { openTerminal } from "../terminal.js";
import { checkPictures, writePictures } from "../write-figures.js";

interface ReportCommandOptions extends FileCommandOptions, TraceOptions, MachineOptions, WorthCommandOptions {
  readonly output: string;
  readonly holdout?: number;
  readonly objective?: Objective;
  readonly svg?: string;
}

export function reportCommand(): Command {
  const command = new Command("report")
    .summary("placements on a page to look at: time, what binds, layers, links, schedule")
    .description(
      "Shows placements beside the contiguous one on a page that needs no network: the answer first, then solvers, layers, " +
        "floor plan with links, schedule, energy, batches, and how it was made.",
    )
    .argument("<files...>", "traces, read as one, and placement files")
    .requiredOption("-o, --output <file.html>", "page to write")
    .addOption(
      numberOption("--holdout <share>", "judge on this last share of every trace file", {
        above: 0,
        below: 1,
      }).default(undefined, "as the first placement says"),
    )
    .addOption(objectiveOption());
  addDrawsOption(command).option(
    "--svg <file.svg|folder>",
    "write the same as one picture, or every picture with its data",
  );
  addMachineOptions(addTraceOptions(command), { chiplets: false });
  return addTerminalOptions(addForceOption(command))
    .addHelpText("after", "\nExample:\n  moeplace report trace.jsonl.gz p.json -o p.html")
    .action(async (paths: string[], options: ReportCommandOptions) => {
      const terminal = openTerminal(options);
      checkOutput(options.output, options, paths);
      if (options.svg !== undefined) checkPictures(options.svg, options, paths);
      const { traces, placements: files } = sortPaths(paths);
      if (files.length === 0) {
        throw new InputError(
          "report: found no placement file among the files, expected at least one",
          'Maybe make one with "moeplace place", or show solvers side by side with "moeplace compare --report".',
        );
      }
      const placements: Placement[] = [];
      for (const file of files) placements.push(await readPlacement(file));
      const [first] = placements;
      const { trace, parts } = await loadTrace(traces, options, terminal);
      const split = splitParts(parts, options.holdout ?? first.provenance?.holdout ?? 0);
      const machine = await loadMachineOf(first, options, { trace, terminal });
      const misfit = placements.findIndex(({ numChiplets }) => numChiplets !== first.numChiplets);
      if (misfit >= 0) {
        throw new InputError(
          `${files[misfit]}: found ${placements[misfit].numChiplets} chiplets, expected ${first.numChiplets} as in ${files[0]}`,
        );
      }
      const solvers = [
        await contiguousRow(split, machine),
        ...placements.map((placement, index) =>
          row(nameOf(files, index), { placement, parts, split, machine }),
        ),
      ];
      const told = options.objective === "balance" ? "load" : options.objective;
      const drawn = {
        ...machine,
        solvers,
        trace: split.learn,
        heldOut: split.heldOut,
        objective: told ?? first.provenance?.objective ?? "time",
        draws: options.draws,
      };
      const page = await reportPage({
        ...drawn,
        facts: describeInput(split, machine).split("\n"),
        making: await reportMaking(paths, options, command),
      });
      await writeOutput(options.output, page, options);
      if (options.svg !== undefined) await writePictures(options.svg, drawn, options);
      terminal.printJson({ file: options.output, placements: files });
      terminal.print(`wrote ${options.output}`);
    });
}

function objectiveOption(): Option {
  const option = choiceOption("--objective <name>", "what to judge by", OBJECTIVES);
  return option.default(undefined, "what the first placement minimises");
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
    parts,
    split,
    machine,
  }: { placement: Placement; parts: readonly RoutingTrace[]; split: SplitTrace; machine: Machine },
): ComparedSolver {
  const isOfTrace = placement.provenance?.traceSha256 === hashTrace(parts);
  const known = split.learn.layers.map(({ layer }) => layer);
  const own = { ...placement, layers: placement.layers.filter(({ layer }) => known.includes(layer)) };
  const judged = judge(isOfTrace ? own : withoutProof(own), split, machine);
  const layers = own.layers.map((layer, index) => ({
    ...layer,
    cost: judged.learned.layers[index].tokenReplication,
  }));
  const shown = isOfTrace ? { ...own, layers } : withoutProof({ ...own, layers });
  return { name, answer: { status: "placed", placement: shown, ...judged }, seconds: 0 };
}

function withoutProof(placement: Placement): Placement {
  const layers = placement.layers.map(({ layer, chiplets, cost, stoppedBy }) => ({
    layer,
    chiplets,
    status: "feasible" as const,
    ...(cost !== undefined && { cost }),
    ...(stoppedBy !== undefined && { stoppedBy }),
  }));
  return { ...placement, layers };
}
