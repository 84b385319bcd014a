import { InputError } from "../errors.js";
import { modelShapes } from "../hardware/model-shapes.js";
import type { Placement } from "../placement/placement.js";
import { printable } from "../printable.js";
import { engineOf, sharingFormats } from "./engines.js";
import {
  deafModel,
  formatRange,
  formatUnequal,
  releaseOf,
  shellWord,
  type Engine,
  type LaunchFacts,
  type Loading,
} from "./engine.js";
import { formatLayers } from "./model-layers.js";
import { layersThatSplitGroups, routerGroups } from "./router-groups.js";
import type { ExportOptions, PlacementFormat } from "./placement-format.js";

/** What the people who load a file have to know of their engine. */
export interface EngineAdvice {
  readonly engine: string;
  /** Version asked about, where it was given. */
  readonly version: string | undefined;
  /** What each range of versions makes of the file, or the one asked about. */
  readonly releases: readonly {
    readonly versions: string;
    readonly loading: Loading;
    readonly why: string;
  }[];
  /** The whole command line or configuration. */
  readonly launch: string;
  readonly seeLoaded: string;
  readonly silentlyWrong: readonly string[];
}

/**
 * Refuses a file that its engine will not obey: a version that loads none or goes wrong, a model whose experts it leaves
 * in their order, a file name that it does not take.
 *
 * @returns What was passed over because of `force`, one sentence each.
 * @throws InputError unless `force` is set.
 */
export function checkEngine(
  placement: Placement,
  { name, needs, extension }: PlacementFormat,
  { engine: key, engineVersion, fileName, force = false }: ExportOptions,
): string[] {
  if (extension === "py" && !force) checkProgramName(name, fileName);
  const engine = engineOf(name, key);
  if (engine === undefined) return [];
  checkSharedExperts(engine, placement.sharedExperts);
  const complaints = [
    ...modelComplaints(engine, placement.model),
    ...(needs.renumbers === true ? groupComplaints(placement) : []),
    ...versionComplaints(engine, engineVersion),
    ...fileComplaints(engine, fileName),
  ];
  if (complaints.length > 0 && !force) {
    throw new InputError(
      `${name}: ${complaints[0]}`,
      "Maybe pass force to write the file all the same, or write checkpoint-script, which renumbers the checkpoint.",
    );
  }
  return complaints;
}

/** How to load a file, how to see that it was loaded, and what goes wrong without a word. */
export function engineAdvice(
  placement: Omit<LaunchFacts, "file">,
  { name, extension }: PlacementFormat,
  { engine: key, engineVersion, fileName = `FILE.${extension}` }: ExportOptions,
): EngineAdvice | undefined {
  const engine = engineOf(name, key);
  if (engine === undefined) return undefined;
  const asked = engineVersion === undefined ? undefined : releaseOf(engine, engineVersion);
  const releases = asked === undefined ? engine.releases : [asked];
  return {
    engine: engine.name,
    version: engineVersion,
    releases: releases.map((release) => ({
      versions: formatRange(release),
      loading: release.loading,
      why: release.why,
    })),
    launch: engine.launch({
      ...placement,
      model: loadableName(placement.model),
      named: placement.model,
      file: fileName,
      release: asked,
    }),
    seeLoaded: engine.seeLoaded,
    silentlyWrong: [
      ...deploymentWarnings(placement, engine),
      ...replicaWarnings(placement, engine),
      ...slotWarnings(placement, engine, engineVersion),
      ...engine.silentlyWrong,
    ],
  };
}

/** A name by which a model may be loaded, for a shell: those of our own sizes name no checkpoint. */
function loadableName(model: string | undefined): string | undefined {
  const isOurs = modelShapes.some(({ name }) => name === model);
  return model === undefined || isOurs ? undefined : shellWord(model);
}

/** The advice as notes, one sentence each. */
export function adviceNotes({ engine, releases, launch, seeLoaded, silentlyWrong }: EngineAdvice): string[] {
  return [
    ...releases.map(({ versions, loading, why }) => `${engine}, ${versions}: ${loading}: ${why}`),
    `launch ${engine}: ${launch}`,
    `to see that it was loaded: ${seeLoaded}`,
    ...silentlyWrong.map((sentence) => `silently wrong: ${sentence}`),
  ];
}

/**
 * Sees to it that shared experts are placed only for who takes them from the file.
 *
 * @throws InputError if the engine keeps them on every rank, whatever a file says.
 */
export function checkSharedExperts(engine: Engine, sharedExperts = 0): void {
  // Without a key there is no engine: planners and scripts take what they get.
  if (sharedExperts === 0 || engine.key === undefined || engine.sharedExperts !== undefined) return;
  throw new InputError(
    `sharedExperts: found ${sharedExperts} placed like the others, expected routed experts alone: ${engine.name} has the shared ` +
      "ones on every rank, whatever the file says",
    `Maybe leave out sharedExperts when placing, or place for an engine that places them: ${sharingFormats()}.`,
  );
}

/** What is wrong with placing a model for an engine that serves it with its experts in their own order. */
export function modelComplaints(engine: Engine, model: string | undefined): string[] {
  const deaf = deafModel(engine, model);
  if (deaf === undefined) return [];
  return [
    `found model ${model}, expected one that obeys the file (${engine.obeyingModels ?? "any other"}): ` +
      `${engine.name} serves ${deaf.name} with its experts in their own order`,
  ];
}

/** Renumbered experts may not leave the group of ids that the router chooses first. */
function groupComplaints(placement: Placement): string[] {
  const numGroups = routerGroups(placement.model);
  const layers = numGroups === 1 ? [] : layersThatSplitGroups(placement, numGroups);
  if (layers.length === 0) return [];
  return [
    `found experts outside of their router group in layers ${formatLayers(layers)}, expected each of the ${numGroups} ` +
      `groups of ${placement.model} to stay together: renumbered, the model would answer otherwise`,
  ];
}

function versionComplaints(engine: Engine, version: string | undefined): string[] {
  if (version === undefined) return [];
  const release = releaseOf(engine, version);
  if (release === undefined) {
    throw new InputError(`engineVersion: found ${printable(version, 40)}, expected a version such as 0.23.0`);
  }
  if (release.loading === "loads") return [];
  const expected = engine.releases.filter(({ loading }) => loading === "loads").map(formatRange);
  const wanted = expected.length > 0 ? `, expected ${expected.join(" or ")}` : "";
  return [`found ${engine.name} ${version}${wanted}: it ${release.loading}: ${release.why}`];
}

/**
 * People who name a file for data do not expect a program, which is what models need that obey no file.
 *
 * @throws InputError if the name ends as one of something else.
 */
function checkProgramName(format: string, fileName = ""): void {
  const [ending] = /\.[a-z]+$/i.exec(fileName) ?? [".py"];
  if (ending === ".py") return;
  throw new InputError(
    `${format}: found the file name ${printable(fileName, 80)}, expected one that ends in .py: what is written is a Python program, ` +
      "which renumbers the checkpoint",
    `Maybe name it ${printable(fileName, 80).slice(0, -ending.length)}.py.`,
  );
}

function fileComplaints({ fileEnding, name }: Engine, fileName: string | undefined): string[] {
  if (fileEnding === undefined || fileName === undefined || fileName.endsWith(fileEnding)) return [];
  return [`found the file name ${fileName}, expected one that ends in ${fileEnding}, as ${name} demands`];
}

/** Servers that take turns at prefill and decode have one placement and one kind of kernels for both. */
function deploymentWarnings({ provenance }: Placement, { deployment }: Engine): string[] {
  const phase = provenance?.workload?.phase;
  return phase === undefined ? [] : [deployment?.[phase] ?? []].flat();
}

/** Replicas are placed for a rule of choosing among them, and gain nothing under another. */
function replicaWarnings(
  { layers, numExperts, dispatch }: Placement,
  { dispatch: rules, name }: Engine,
): string[] {
  const hasReplicas = layers.some(({ chiplets }) => chiplets.flat().length > numExperts);
  if (!hasReplicas || rules === undefined || (dispatch !== undefined && rules.includes(dispatch))) return [];
  return [
    `replicas were placed for dispatch ${dispatch ?? "of an unknown kind"}, ${name} chooses by ${rules.join(" or ")}: ` +
      `evaluate with --dispatch ${rules[0]}, or place with it`,
  ];
}

/** Versions before one that takes layers as they are have one number of slots for all. */
function slotWarnings(
  { layers }: Placement,
  { unequalLayers, name }: Engine,
  version: string | undefined,
): string[] {
  const differ = new Set(layers.map(({ chiplets }) => chiplets.flat().length)).size > 1;
  if (!differ || version !== undefined || unequalLayers?.from === undefined) return [];
  return [`layers have unequal numbers of slots, which only ${formatUnequal(name, unequalLayers)} takes`];
}
