import { Command } from "commander";
import { InputError } from "../../index.js";
import { placedLayers } from "../../doors/flows.js";
import { groupCapacity } from "../../doors/hardware.js";
import type { Placement } from "../../doors/placement.js";
import { countTraffic, defaultDispatch, type DispatchModel, type LayerTraffic } from "../../doors/problem.js";
import { counted, ganttSvg, ganttText, perfettoJson } from "../../doors/report.js";
import {
  scheduledWorkload,
  scheduleStep,
  sweepChunks,
  validateSchedule,
  type ScheduleViolation,
} from "../../doors/schedule.js";
import { splitParts, type OnLayer, type RoutingTrace } from "../../doors/traces.js";
import { describeCurve, describeSchedule, resourceRecords, scheduleData } from "../describe/schedule.js";
import { addExplainOption, explainData, printConstants, type ExplainOptions } from "../describe/constants.js";
import { outputWidth } from "../help.js";
import { loadTrace } from "../load-trace.js";
import { addMachineOptions, checkMachineNames, loadMachineOf, type MachineOptions } from "../machine.js";
import {
  addDispatchOption,
  addForceOption,
  addHoldoutOption,
  addTableOptions,
  addTraceOptions,
  integerOption,
  withDispatch,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { readPlacement, sortPaths } from "../read-files.js";
import { addStepOptions, toScheduleOptions, withSequences, type StepOptions } from "../step-options.js";
import { layerProgress, openTerminal, type Terminal } from "../terminal.js";
import { describeWorkload } from "../workload-options.js";
import { addPngOption, checkPictures, writePicture, type PictureOptions } from "../write-figures.js";

interface ScheduleCommandOptions
  extends FileCommandOptions, PictureOptions, TraceOptions, MachineOptions, StepOptions, ExplainOptions {
  readonly holdout: number;
  readonly layer?: number;
  readonly dispatch?: DispatchModel;
  readonly perfetto?: string;
}

export function scheduleCommand(): Command {
  const command = new Command("schedule")
    .summary("timeline of a step: makespan, bound, exposed communication")
    .description(
      "Schedules a step of a placed model, or one layer of it: attention, weight streaming, dispatch, " +
        "experts, combine and activations, each on its own resource. Shows the makespan against a proved lower bound " +
        "and what communication stays exposed.",
    )
    .argument("<files...>", "traces, read as one, and one placement file")
    .addOption(integerOption("--layer <n>", "schedule this layer alone"))
    .option("--perfetto <file>", "write the timeline for ui.perfetto.dev and chrome://tracing")
    .option("--svg <file>", "write the timeline as a Gantt chart");
  addHoldoutOption(command, "schedule");
  addDispatchOption(command, "as the placement says");
  addStepOptions(addExplainOption(addMachineOptions(addTraceOptions(command), { chiplets: false })));
  return addPngOption(addTableOptions(addForceOption(command)))
    .addHelpText(
      "after",
      "\nExample:\n  moeplace schedule trace.jsonl.gz p.json --layer 3 --perfetto layer3.json",
    )
    .action(async (paths: string[], options: ScheduleCommandOptions) => {
      const terminal = openTerminal(options);
      if (options.perfetto !== undefined) checkOutput(options.perfetto, options);
      await checkPictures(options);
      const { traces, placements } = sortPaths(paths);
      if (placements.length !== 1) {
        throw new InputError(`schedule: found ${placements.length} placement files, expected one`);
      }
      const placement = await readPlacement(placements[0]);
      await checkMachineNames(options);
      const { parts } = await loadTrace(traces, options, terminal);
      const { learn, heldOut } = splitParts(parts, options.holdout);
      const trace = heldOut ?? learn;
      const machine = await loadMachineOf(placement, options, { trace, terminal });
      const { hardware, shape } = machine;
      if (shape === undefined) {
        throw new InputError(
          `schedule: found model ${trace.model ?? "(unnamed)"}, expected one whose sizes are known`,
          "Maybe pass --model NAME.",
        );
      }
      const { warning } = groupCapacity(hardware, shape, { optimiserBytesPerWeight: options.optimiserBytes });
      if (warning !== undefined) terminal.note(`${hardware.name}: ${warning}`);
      const chosen = chosenLayers(trace, options.layer);
      const traffic = countLayers(
        chosen,
        withDispatch({ dispatch: defaultDispatch(hardware), ...placement }, options),
        layerProgress(terminal, "counting"),
      );
      terminal.progress(() => `scheduling ${counted(traffic.length, "layer")}`);
      const asked = withSequences(machine.workload, options, placement.numChiplets);
      const layerNumbers = chosen.layers.map(({ layer }) => layer);
      const model = { ...toScheduleOptions(options), hardware, shape, workload: asked, layerNumbers };
      const workload = scheduledWorkload(model);
      const sweep = options.chunks === "best" ? sweepChunks(traffic, model) : undefined;
      const step = sweep?.best ?? scheduleStep(traffic, model);
      const { graph, schedule } = step;
      reportViolations(validateSchedule(graph, schedule), terminal);
      const part =
        options.layer === undefined
          ? `step of ${counted(traffic.length, "layer")}`
          : `layer ${options.layer}`;
      const title = `${shape.name} on ${hardware.name}, ${part}, ${options.configuration}`;
      const about = { configuration: options.configuration, workload };
      const told = describeWorkload(workload, placement.numChiplets);
      if (options.perfetto !== undefined) {
        await writeOutput(options.perfetto, perfettoJson(graph, schedule, { title, about }), options);
      }
      if (options.svg !== undefined) {
        await writePicture(options.svg, ganttSvg(graph, schedule, { title, about: told }), options);
      }
      terminal.printJson({
        sampledOneIn: trace.sampledOneIn ?? 1,
        title,
        ...about,
        ...scheduleData(step),
        ...(sweep && { chunks: sweep.chunks, curve: sweep.curve }),
        ...explainData(hardware, options),
      });
      terminal.printCsv(sweep?.curve ?? resourceRecords(step));
      terminal.print(`${title}\n${told}`);
      terminal.print(describeSchedule(step));
      if (sweep) terminal.print(`\n${describeCurve(sweep.curve)}\nbest: ${sweep.chunks} chunks`);
      terminal.print(`\n${ganttText(graph, schedule, { width: Math.min(100, outputWidth()) })}`);
      printConstants(hardware, options, terminal);
    });
}

/** Says where the machine is too small for the step; any other violation is a bug. */
function reportViolations(violations: readonly ScheduleViolation[], terminal: Terminal): void {
  const bug = violations.find(({ rule }) => rule !== "memory");
  if (bug !== undefined) throw new Error(`the schedule is not valid: ${bug.message}`);
  if (violations.length === 0) return;
  const others = violations.length > 1 ? `, and ${violations.length - 1} more like it` : "";
  terminal.note(`${violations[0].message}${others}; the schedule is that of a machine with room enough`);
}

/** The trace, or one layer of it. */
function chosenLayers(trace: RoutingTrace, layer: number | undefined): RoutingTrace {
  if (layer === undefined) return trace;
  const layers = trace.layers.filter((current) => current.layer === layer);
  if (layers.length === 0) throw new InputError(`--layer: found ${layer}, expected a layer of the trace`);
  return { ...trace, layers };
}

/** Traffic of every layer. */
function countLayers(trace: RoutingTrace, placement: Placement, onLayer: OnLayer): LayerTraffic[] {
  const { numGroups = 1, numChiplets, dispatch } = placement;
  return placedLayers(trace, placement, onLayer).map(({ patterns, chiplets }) =>
    countTraffic(patterns, chiplets, { chipletsPerGroup: numChiplets / numGroups, dispatch }),
  );
}
