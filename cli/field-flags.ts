/** The flag under which people give what programs give in a field: errors of the library name fields. */
const FLAGS: Readonly<Record<string, string>> = {
  slotsPerChiplet: "--slots or --slots-per-chiplet",
  numReplicas: "--replicas",
  numChiplets: "--chiplets",
  numGroups: "--groups",
  maxLoad: "--max-load",
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
  holdout: "--holdout",
  objective: "--objective",
  solver: "--solver",
  dispatch: "--dispatch",
  layers: "--layers",
  layer: "--layer",
  model: "--model",
  hardware: "--hardware",
  from: "--from",
  trace: "--trace",
  padding: "--padding",
  force: "--force",
  engineVersion: "--engine-version",
};

const FIELDS = Object.keys(FLAGS).join("|");

/** Where a message begins with the field that is wrong. */
const SUBJECT = new RegExp(`^(${FIELDS}): `);

/** Where a text tells what to do with fields, which may be a list. */
const ADVICE = new RegExp(
  `(\\b(?:pass|raise|lower|set|choose|put right|leave out|or)|[,;]) (${FIELDS})\\b`,
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
    .replace(ADVICE, (_, verb: string, field: string) => `${verb} ${FLAGS[field]}`);
}
