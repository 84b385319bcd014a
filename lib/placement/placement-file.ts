import { OPTIMALITY_GAP, SHARE_ROUNDING } from "./tolerance.js";
import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import type { LayerPlacement, Placement, Proved } from "./placement.js";
import { checkModelSizes, DEFAULT_LIMITS } from "../plausible-size.js";
import { largest } from "../statistics.js";
import { strayLayers } from "../hardware/model-layers.js";
import type { Provenance } from "./provenance.js";
import { separationViolations } from "./verify.js";
import { verifyPlacement } from "./verify-placement.js";

/**
 * Reads a placement file whole and sound.
 *
 * @param where Name of the file, for messages.
 * @throws InputError if the text is not a placement file or {@link verifyPlacementFile} finds anything.
 *
 * @example
 * const placement = await parsePlacement(await readFile("p.json", "utf8"), "p.json");
 */
export async function parsePlacement(text: string, where: string): Promise<Placement> {
  const placement = await decodePlacement(text, where);
  const violations = verifyPlacementFile(placement);
  if (violations.length === 0) return placement;
  const [first] = violations;
  throw violations.length === 1
    ? new InputError(`${where}: ${first}`)
    : new InputError(
        `${where}: ${first}, and ${violations.length - 1} more like it`,
        `Maybe run "moeplace verify ${where}" for the whole list.`,
      );
}

/**
 * Reads the shape of a placement file and leaves its content unchecked, for {@link verifyPlacementFile} to judge.
 *
 * @throws InputError if the text is not JSON or a field is missing or of another type.
 */
export async function decodePlacement(text: string, where: string): Promise<Placement> {
  // Loaded on first use: the schema library costs every other command 50 ms.
  const { placementSchema } = await import("./placement-schema.js");
  const document = parseJson(text, where);
  const result = parseSchema(() => placementSchema.safeParse(document), where);
  if (!result.success) throw shapeError(document, result.error.issues[0], where);
  const {
    model,
    numExperts,
    sharedExperts,
    numChiplets,
    numGroups,
    slotsPerChiplet,
    groupsPerExpert,
    ...made
  } = result.data;
  const { dispatch, solver, seed, provenance, layers } = made;
  checkModelSizes(where, { numChiplets, numLayers: layers.length });
  // Whoever counts experts that no layer holds is told so by their number, not one by one in every layer.
  const most = largest(layers.map(({ chiplets }) => chiplets.reduce((sum, { length }) => sum + length, 0)));
  checkModelSizes(where, { numExperts }, { maxExperts: Math.max(DEFAULT_LIMITS.maxExperts, 2 * most) });
  checkModelSizes(`${where}: provenance.modelLayers`, {
    numLayers: provenance?.modelLayers?.numHiddenLayers,
  });
  return {
    model: model ?? undefined,
    numExperts,
    ...(sharedExperts !== undefined && { sharedExperts }),
    numChiplets,
    ...(numGroups !== undefined && { numGroups }),
    ...(slotsPerChiplet !== undefined && { slotsPerChiplet }),
    ...(groupsPerExpert !== undefined && { groupsPerExpert }),
    ...(dispatch !== undefined && { dispatch }),
    ...(solver !== undefined && { solver }),
    ...(seed !== undefined && { seed }),
    // A machine in it is checked by whoever uses it.
    ...(provenance !== undefined && { provenance: provenance as unknown as Provenance }),
    layers: layers.map(({ chiplets, ...layer }) => ({
      ...layer,
      chiplets: chiplets.map((experts) => experts.sort((a, b) => a - b)),
    })),
  };
}

/**
 * Lists everything that is wrong with the content of a placement file: its placement, its groups and slots, the layers
 * of its model, and costs and bounds that contradict each other.
 *
 * @returns One sentence a violation; empty if nothing is wrong.
 */
export function verifyPlacementFile(placement: Placement): string[] {
  const { numChiplets, numGroups = 1, layers } = placement;
  const violations = verifyPlacement(placement);
  const { modelLayers } = placement.provenance ?? {};
  const numbers = layers.map(({ layer }) => layer);
  for (const layer of modelLayers === undefined ? [] : strayLayers(modelLayers, numbers)) {
    violations.push(
      `layer ${layer}: found a placement, expected only MoE layers as provenance.modelLayers has them`,
    );
  }
  if (numChiplets % numGroups !== 0) {
    violations.push(`found ${numChiplets} chiplets in ${numGroups} groups, expected groups of equal size`);
  }
  for (const { layer, chiplets } of layers) {
    const separation = separationViolations(
      { ...placement, chipletsPerGroup: numChiplets / numGroups },
      chiplets,
      placement.groupsPerExpert ?? 1,
    );
    for (const violation of separation) violations.push(`layer ${layer}: ${violation}`);
  }
  for (const { layer, groups, load, ...found } of layers) {
    const claims = [
      ...claimViolations(found),
      ...claimViolations(groups ?? {}).map((violation) => `groups: ${violation}`),
      ...claimViolations(load ?? {}).map((violation) => `load: ${violation}`),
    ];
    for (const violation of claims) violations.push(`layer ${layer}: ${violation}`);
  }
  return violations;
}

/**
 * Writes a placement file: the same placement gives the same bytes.
 *
 * @example
 * await writeFile("p.json", formatPlacement({ ...placement, solver: "ilp", seed: 1 }));
 */
export function formatPlacement(placement: Placement): string {
  const {
    model = null,
    numExperts,
    sharedExperts,
    numChiplets,
    numGroups,
    slotsPerChiplet,
    groupsPerExpert,
    dispatch,
    solver,
    seed,
    provenance,
    layers,
  } = placement;
  const head = { format: "moeplace.placement", version: 1, model, numExperts, numChiplets };
  const fields = formatFields({
    ...head,
    sharedExperts,
    numGroups,
    slotsPerChiplet,
    groupsPerExpert,
    dispatch,
    solver,
    seed,
    provenance,
  });
  return `{\n  ${fields.join(",\n  ")},\n  "layers": [\n${layers.map(formatLayer).join(",\n")}\n  ]\n}\n`;
}

function formatLayer({ chiplets, ...claims }: LayerPlacement): string {
  const { layer, status, cost, bound, groups, load, peaks, stoppedBy } = claims;
  const fields = formatFields({ layer, status, cost, bound, groups, load, peaks, stoppedBy });
  const rows = chiplets.map((experts) => `        [${experts.join(", ")}]`);
  return `    {\n      ${fields.join(", ")},\n      "chiplets": [\n${rows.join(",\n")}\n      ]\n    }`;
}

/** Fields as JSON text, one string a field, those without a value left out. */
function formatFields(fields: Record<string, unknown>): string[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? `"${name}": { ${formatFields({ ...value }).join(", ")} }`
        : `"${name}": ${JSON.stringify(value)}`,
    );
}

function claimViolations({ status, cost, bound }: Partial<Proved>): string[] {
  if (cost === undefined) return [];
  const violations: string[] = [];
  if (bound !== undefined && bound > cost * (1 + SHARE_ROUNDING)) {
    violations.push(`bound ${bound} is above the cost ${cost}`);
  }
  if (status === "optimal" && (bound === undefined || bound < cost * (1 - OPTIMALITY_GAP))) {
    violations.push(`status is optimal with cost ${cost} and bound ${bound ?? "none"}`);
  }
  return violations;
}

/** The schema library lists every fault, and ends in a RangeError where they are too many. */
function parseSchema<T>(parse: () => T, where: string): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${where}: found too many faults to list, expected a placement file`);
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    // What is packed, or no text at all, says nothing to people.
    const isText = !/[\0-\x08\x0e-\x1f\ufffd]/.test(text.slice(0, 1024));
    const why = isText ? ` (${(error as Error).message})` : "; it is packed, or no text";
    throw new InputError(
      `${where}: found no JSON, expected a placement file${why}`,
      "Maybe it is a trace: expected is the placement that was made of it.",
    );
  }
}

/** Says what was found where the schema expected something else. */
function shapeError(
  document: unknown,
  issue: { path: PropertyKey[]; message: string },
  where: string,
): InputError {
  let found = document;
  let place = where;
  issue.path.forEach((key, depth) => {
    found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
    place += typeof key === "number" ? `[${key}]` : `${depth === 0 ? ": " : "."}${String(key)}`;
  });
  const expected = issue.message.slice(issue.message.indexOf("expected "));
  return new InputError(`${place}: found ${describeValue(found)}, ${expected.replace(/, received .*/, "")}`);
}
