import { Command } from "commander";
import { InputError } from "../../index.js";
import {
  beforeAfter,
  boundEffortOf,
  judge,
  measurePlacement,
  poseFor,
  provedOn,
  stepTime,
} from "../../doors/flows.js";
import { layerData, placementTable } from "../../doors/report.js";
import { type LoadTrace, splitParts } from "../../doors/traces.js";
import { autoReplicas, describeCurve } from "../auto-replicas.js";
import { addDrawsOption, contiguousOn, describeBeforeAfter } from "../before-after.js";
import {
  describeInput,
  describeLeastTime,
  describeReplicas,
  describeStep,
  inputData,
} from "../describe/describe.js";
import { aimAt, engineOption } from "../engine-option.js";
import { EXIT } from "../exit-code.js";
import { optionsLike } from "../like.js";
import { loadRouting, type LoadedTrace } from "../load-trace.js";
import { addMachineOptions, checkMachineOptions, recallMachine } from "../machine.js";
import { ended, makePlacement, type PlaceContext, type PlaceOptions } from "../make-placement.js";
import {
  addMigrationOptions,
  describeMigration,
  noteCutMoves,
  payBackSteps,
  runningNs,
} from "../migration.js";
import { addForceOption, integerOption, addTableOptions, addTraceOptions } from "../options.js";
import { checkOutput } from "../output-file.js";
import { checkLoadOptions, describeLoads, loadRecords, loadsData, loadsTable } from "../place-loads.js";
import { isPlacementFile, readPlacement } from "../read-files.js";
import { describeBudget, replicasOfLayers, spendBudget } from "../replica-budget.js";
import {
  describeBatches,
  addSolveOptions,
  listSolvers,
  requestOf,
  requireOneSolver,
  withObjective,
} from "../solve-options.js";
import { formatTable, openTerminal } from "../terminal.js";

/** @param end Told the exit code where there is no placement, or Ctrl-C cut it short. */
export function placeCommand(end: (exitCode: number) => void): Command {
  const command = new Command("place")
    .summary("place the experts of a model: the main job")
    .description(
      "Places the experts of every MoE layer of a trace, verifies the placement independently and writes it. Loads of\n" +
        "experts without tokens are enough for --objective balance.\n\n" +
        `Solvers:\n${listSolvers()}`,
    )
    .argument("[trace...]", "trace files or folders, read as one trace")
    .option("-o, --output <file>", "placement file to write")
    .option("--solver <name>", "solver (default: auto)")
    .option("--verbose", "say on stderr what the solver is at: seconds, layer, phase, incumbent, bound")
    .addOption(
      integerOption("--replica-budget <n>", "replicas over all layers, for those where they gain most"),
    )
    .addOption(engineOption("engine that is to load it, which sets dispatch, slots and transport"))
    .option("--like <placement>", "make it as this placement file was made, which it says itself");
  addSolveOptions(addMachineOptions(addTraceOptions(command), { chiplets: true }), {
    holdout: 0,
    choosesReplicas: true,
  });
  addMigrationOptions(addDrawsOption(command));
  return addTableOptions(addForceOption(command))
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace place trace.jsonl.gz -o p.json\n" +
        "  moeplace place trace.jsonl.gz --chiplets 8 --max-load 1.3 --holdout 0.25 -o p.json\n" +
        "  moeplace place trace.jsonl.gz --chiplets 8 --replicas 8 --max-load 1.1 -o p.json\n" +
        "  moeplace place trace.jsonl.gz --hardware h100-8x8 --chiplets 16 --replicas auto -o p.json\n" +
        "  moeplace place trace.jsonl.gz --hardware h100-8x8 --chiplets 16 --for sglang -o p.json\n" +
        "  moeplace place counts.npy --chiplets 32 --slots-per-chiplet 9 --objective balance -o p.json\n" +
        "  moeplace place new.jsonl.gz --from p.json --max-moves 8 --moves moves.json -o q.json",
    )
    .action(async (paths: string[], given: PlaceOptions) => {
      const terminal = openTerminal(given);
      for (const path of [given.output, given.moves]) {
        if (path !== undefined) checkOutput(path, given);
      }
      const like = given.like === undefined ? undefined : await readPlacement(given.like);
      const running =
        given.from !== undefined && isPlacementFile(given.from) ? await readPlacement(given.from) : undefined;
      const options = like ? optionsLike(like, given) : { ...recallMachine(given, running), running };
      requireOneSolver(options.solver);
      await checkMachineOptions(options);
      const routing = await loadRouting(paths, options, terminal);
      const isAuto = options.replicas === "auto";
      if (isAuto && routing.kind === "loads") {
        throw new InputError("--replicas: found auto and loads without tokens, expected tokens or a number");
      }
      const curve =
        isAuto && routing.kind !== "loads" ? await autoReplicas(routing, options, terminal) : undefined;
      const { replicaBudget } = options;
      const budget =
        replicaBudget === undefined
          ? undefined
          : await spendBudget(routing, { ...options, replicaBudget }, terminal);
      if (budget !== undefined && "reason" in budget) {
        terminal.fail(`infeasible: ${budget.reason}`);
        terminal.printJson({ status: "infeasible", ...budget });
        end(EXIT.infeasible);
        return;
      }
      const context = {
        options: {
          ...options,
          ...(curve && { replicas: curve.chosen }),
          ...(budget && { layerReplicas: replicasOfLayers(budget) }),
        },
        terminal,
        like,
        curve,
        budget,
      };
      const placed =
        routing.kind === "loads"
          ? await placeByLoads(routing.loads, paths[0], context)
          : await placeByTokens(routing, context);
      if (placed !== EXIT.done) end(placed);
    });
}

/** @returns Exit code. */
async function placeByTokens({ trace, parts }: LoadedTrace, given: PlaceContext): Promise<number> {
  const { machine, options: aimed } = await aimAt(trace, given.options, given.terminal);
  const named = aimed.solver === undefined ? undefined : [aimed.solver];
  const { options, line } = withObjective(aimed, machine, named);
  const { terminal } = given;
  const context = { ...given, options };
  const split = splitParts(parts, options.holdout);
  const numChiplets = machine.hardware.numGroups * machine.hardware.chipletsPerGroup;
  const made = await makePlacement(split.learn, { parts, machine, told: inputData(split, machine) }, context);
  if (typeof made === "number") return made;
  const { outcome, solver, text, plan, migration } = made;
  const { placement } = outcome;
  if (outcome.passedOver !== undefined) terminal.note(`${solver.name}: ${outcome.passedOver}`);
  const scheduled = options.objective === "time";
  const boundEffort = boundEffortOf(placement);
  const judged = judge(placement, split, { ...machine, scheduled, boundEffort });
  const time = stepTime(judged);
  // What another machine does in a step is no measure of this placement, but how long it takes for as many tokens is.
  const before =
    migration?.running.numChiplets === numChiplets
      ? provedOn(migration.running, { parts, holdout: options.holdout })
      : undefined;
  const beforeNs = migration && runningNs(migration.running, split, { ...machine, scheduled });
  const standing = before ?? (await contiguousOn(split.learn, machine));
  const standingName = before ? "the running placement" : "contiguous";
  const change =
    standing &&
    beforeAfter(
      measurePlacement(standing, split, machine, judge(standing, split, { ...machine, boundEffort })),
      measurePlacement(placement, split, machine, judged),
      { machine, draws: options.draws, seed: options.seed },
    );
  const payBack = plan && payBackSteps(plan, { beforeNs, after: time });
  terminal.printJson({
    objective: options.objective,
    ...inputData(split, machine),
    holdout: options.holdout,
    file: options.output ?? null,
    learned: judged.learned.mean,
    heldOut: judged.heldOut?.mean ?? null,
    time,
    ...(change ?? { before: null, after: null, worth: null }),
    ...(given.curve && { replicaCurve: given.curve }),
    ...(given.budget && { replicaBudget: given.budget }),
    placement: JSON.parse(text) as unknown,
    ...(plan && { migration: { ...plan, payBackSteps: payBack ?? null } }),
  });
  terminal.printCsv(layerData(placement, judged));
  terminal.print(
    `${line}${describeBatches(split.learn, machine, options)}\n${describeInput(split, machine)}\n`,
  );
  const { headers, cells } = placementTable(placement, judged);
  terminal.print(formatTable(headers, cells));
  if (given.curve) terminal.print(`\n${describeCurve(given.curve, options.objective)}`);
  if (given.budget) terminal.print(`\n${describeBudget(given.budget)}`);
  const { numReplicas = 0, layerReplicas } = poseFor(split.learn, machine, requestOf(options));
  const askedOf = (layer: number) => layerReplicas?.get(layer) ?? numReplicas;
  const replicas = describeReplicas(placement, outcome.passedOver === undefined ? askedOf : () => 0);
  if (replicas !== undefined) terminal.print(`\n${replicas}`);
  const step = describeStep(judged.heldOut ?? judged.learned, machine);
  if (step !== undefined) terminal.print(`\n${step}`);
  const least = describeLeastTime(time, placement);
  if (least !== undefined) terminal.print(least);
  if (change) terminal.print(`\n${describeBeforeAfter(change, standingName)}`);
  if (plan) terminal.print(`\n${describeMigration(plan, options.from ?? "", payBack)}`);
  if (plan) noteCutMoves(placement, { moves: plan.moves, terminal });
  return ended(made, context);
}

/** @returns Exit code. */
async function placeByLoads(loads: LoadTrace, path: string, given: PlaceContext): Promise<number> {
  checkLoadOptions(path, given.options);
  const { machine, options } = await aimAt(loads, given.options, given.terminal);
  const { terminal } = given;
  const context = { ...given, options };
  const made = await makePlacement(loads, { parts: [loads], machine, told: {} }, context);
  if (typeof made === "number") return made;
  const { outcome, text, plan } = made;
  terminal.printJson({
    ...loadsData(loads, machine, outcome.placement),
    ...(given.budget && { replicaBudget: given.budget }),
    file: options.output ?? null,
    placement: JSON.parse(text) as unknown,
    ...(plan && { migration: plan }),
  });
  terminal.printCsv(loadRecords(loads, outcome.placement));
  terminal.print(`${describeLoads(loads, machine)}\n`);
  terminal.print(loadsTable(loads, outcome.placement));
  if (given.budget) terminal.print(`\n${describeBudget(given.budget)}`);
  if (plan) terminal.print(`\n${describeMigration(plan, options.from ?? "")}`);
  return ended(made, context);
}
