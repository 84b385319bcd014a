import { limitFlags } from "./limit-options.js";

/** The flag under which people give what programs give in a field: errors of the library name fields. */
const FLAGS: Readonly<Record<string, string>> = {
  slotsPerChiplet: "--slots or --slots-per-chiplet",
  numReplicas: "--replicas",
  layerReplicas: "--replica-budget",
  // Of a file that was made for an engine; all others are of the machine.
  "numChiplets of the file": "--ranks",
  numChiplets: "--chiplets",
  chiplets: "--chiplets",
  replicas: "--replicas",
  slots: "--slots",
  pin: "--pin",
  "max-tokens": "--max-tokens",
  numGroups: "--groups",
  microBatches: "--micro-batches",
  ...limitFlags,
  routerGroups: "--router-groups",
  evenSlots: "--even-slots",
  apart: "--apart",
  maxMoves: "--max-moves",
  numHiddenLayers: "--num-hidden-layers",
  firstMoeLayer: "--first-moe-layer",
  moeLayerStep: "--moe-layer-step",
  fillEmpty: "--fill-empty",
  fillLayers: "--fill-layers",
  firstExpert: "--first-expert",
  layerOffset: "--layer-offset",
  numExperts: "--experts",
  topK: "--top-k",
  numLayers: "--num-layers",
  maxTokens: "--max-tokens",
  maxExperts: "--max-experts",
  maxLayers: "--max-layers",
  maxTopK: "--max-top-k",
  keepWarmup: "--keep-warmup",
  dropExperts: "--drop-expert",
  sharedExperts: "--shared-experts",
  holdout: "--holdout",
  objective: "--objective",
  solver: "--solver",
  dispatch: "--dispatch",
  layers: "--layers",
  layer: "--layer",
  model: "--model",
  hardware: "--hardware",
  from: "--from",
  evaluateOn: "--evaluate-on",
  trace: "--trace",
  padding: "--padding",
  placement: "--placement",
  as: "--as",
  force: "--force",
  engineVersion: "--engine-version",
  engine: "--for",
  modelClass: "--model-class",
};

/** What messages begin with though it is a thing, too, and not only a field that names it. */
const THINGS = new Set(["placement", "trace"]);

/** Where a message begins with the field that is wrong. */
const SUBJECT = new RegExp(
  `^(${Object.keys(FLAGS)
    .filter((field) => !THINGS.has(field))
    .join("|")}): `,
);

/** Where a text tells what to do with a field. */
const ADVICE = new RegExp(
  `\\b(pass|raise|lower|set|choose|put right|leave out) (${Object.keys(FLAGS).join("|")})\\b`,
  "g",
);

/** Fields further on in a list: those alone that are no words of people, too. */
const LISTED = new RegExp(
  `([,;]|\\b(?:and|or)) (${Object.keys(FLAGS)
    .filter((field) => /[A-Z]/.test(field))
    .join("|")})\\b`,
  "g",
);

/**
 * Says a text of the library in the words of the command line.
 *
 * @example
 * withFlags("Maybe raise numReplicas to 4."); // "Maybe raise --replicas to 4."
 */
export function withFlags(text: string): string {
  return text
    .replace(SUBJECT, (_, field: string) => `${FLAGS[field]}: `)
    .replace(ADVICE, (_, verb: string, field: string) => `${verb} ${FLAGS[field]}`)
    .replace(LISTED, (_, before: string, field: string) => `${before} ${FLAGS[field]}`);
}
