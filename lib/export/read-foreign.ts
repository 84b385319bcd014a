import { InputError } from "../errors.js";
import type { Placement } from "../placement/placement.js";
import { verifyPlacement } from "../placement/verify-placement.js";
import { printable } from "../printable.js";
import { checkModelSizes } from "../plausible-size.js";
import { lookAt } from "./foreign-content.js";
import { placementFormats } from "./formats.js";
import type { ForeignContent, PlacementFormat, ReadOptions, Report } from "./placement-format.js";

/** Violations that are listed; of more, only their number is told. */
const MOST_VIOLATIONS = 10_000;
/** A violation quotes no more of a file. */
const MOST_CHARACTERS = 400;

/** What a file made by someone else holds, and everything that is wrong with it. */
export interface ForeignReading {
  /** Name of the format, found by content. */
  readonly format: string;
  /** Undefined where the file is too broken to hold one. */
  readonly placement: Placement | undefined;
  /** One sentence a violation; empty if nothing is wrong. */
  readonly violations: readonly string[];
  /** What engines serve all the same and was read as they serve it, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Checks a placement file of an engine harder than the engine does, and lists every violation.
 *
 * Without `numExperts` the largest id found counts as the last expert: an absent last expert cannot be missed then.
 *
 * @param where Name of the file, for messages.
 * @throws InputError if the format is not known, or the options lack what the file does not say.
 *
 * @example
 * const reading = await verifyForeign(await readFile("map.json"), "map.json", { numChiplets: 16, numExperts: 64 });
 * reading.violations; // [], it is sound
 */
export async function verifyForeign(
  bytes: Uint8Array,
  where: string,
  options: ReadOptions = {},
): Promise<ForeignReading> {
  const content = lookAt(bytes);
  const format = placementFormats.find((candidate) => candidate.recognises(content, options));
  if (format === undefined) {
    const names = placementFormats
      .filter((known) => known.read !== undefined)
      .map(({ name }) => name)
      .join(", ");
    throw new InputError(`${where}: found no placement, expected a file of one of the formats ${names}`);
  }
  if (format.read === undefined) {
    throw new InputError(`${where}: found ${format.summary}, expected a placement`);
  }
  checkOptions(options);
  return readForeign(content, format, options).catch((error: unknown) => {
    // What a format asks to be told is asked of this file.
    throw error instanceof InputError ? new InputError(`${where}: ${error.message}`, error.advice) : error;
  });
}

/**
 * Name of the format of a file that can be nothing but the placement of an engine; undefined where it may be a trace.
 *
 * @example
 * recognisePlacement(Buffer.from('{"phy2log": [[0, 1]]}')); // "eplb-json"
 */
export function recognisePlacement(bytes: Uint8Array): string | undefined {
  const content = lookAt(bytes);
  const format = placementFormats.find(
    (candidate) =>
      candidate.read !== undefined && candidate.mistakable !== true && candidate.recognises(content),
  );
  return format?.name;
}

/**
 * Reads the placement file of an engine.
 *
 * @param where Name of the file, for messages.
 * @param options.warn Told of what was read as engines serve it, such as an expert twice on a chiplet.
 * @throws InputError if the format is not known or {@link verifyForeign} finds anything.
 *
 * @example
 * const placement = await importPlacement(await readFile("map.json"), "map.json", { numChiplets: 16 });
 */
export async function importPlacement(
  bytes: Uint8Array,
  where: string,
  options: ReadOptions & { readonly warn?: Report } = {},
): Promise<Placement> {
  const { format, placement, violations, warnings } = await verifyForeign(bytes, where, options);
  if (violations.length > 0) {
    throw new InputError(
      `${where}: ${format}: ${violations[0]}${violations.length > 1 ? `, and ${violations.length - 1} more` : ""}`,
      `Maybe run "moeplace verify ${where}" for the whole list.`,
    );
  }
  for (const warning of warnings) options.warn?.(`${where}: ${warning}`);
  if (placement === undefined) throw new Error(`${format}: read nothing and reported nothing`);
  return placement;
}

/** Reads content of a known format and judges the placement in it. */
export async function readForeign(
  content: ForeignContent,
  format: PlacementFormat,
  options: ReadOptions,
): Promise<ForeignReading> {
  const violations: string[] = [];
  let numMore = 0;
  const report: Report = (violation) => {
    if (violations.length < MOST_VIOLATIONS) violations.push(printable(violation, MOST_CHARACTERS));
    else numMore++;
  };
  const read = await format.read?.(content, options, report);
  // Slots are counted as they stand in the file, doubles too: an engine gives each of them room.
  const unequal = read !== undefined && format.needs.equalSlots ? unequalSlots(read) : [];
  const { placement, warnings } =
    read !== undefined && format.servesDoubles === true ? countOnce(read) : { placement: read, warnings: [] };
  if (placement !== undefined) {
    const { numExperts, numChiplets, layers } = placement;
    checkModelSizes(format.name, { numChiplets, numLayers: layers.length || undefined });
    if (options.numExperts === undefined) checkModelSizes(format.name, { numExperts });
    const { slotsPerChiplet = placement.slotsPerChiplet } = options;
    verifyPlacement({ ...placement, ...(slotsPerChiplet !== undefined && { slotsPerChiplet }) }).forEach(
      report,
    );
    unequal.forEach(report);
    if (format.needs.noReplicas) replicas(placement).forEach(report);
  }
  if (numMore > 0) violations.push(`and ${numMore} more`);
  return { format: format.name, placement, violations, warnings };
}

/** What the user says is believed, up to what can be worked with. */
function checkOptions({
  numExperts,
  numChiplets,
  numHiddenLayers,
  firstMoeLayer,
  moeLayerStep,
}: ReadOptions): void {
  const limits = { maxExperts: 65536, maxLayers: 65536 };
  checkModelSizes(
    "options",
    { numExperts, numChiplets, numLayers: numHiddenLayers, layer: firstMoeLayer },
    limits,
  );
  checkModelSizes("options", { numLayers: moeLayerStep }, limits);
}

/** Counts an expert once where it is twice on a chiplet, which serves the same tokens from either slot. */
function countOnce(read: Placement): { placement: Placement; warnings: string[] } {
  let numDoubles = 0;
  const layers = read.layers.map((layer) => ({
    ...layer,
    chiplets: layer.chiplets.map((experts) => {
      const once = [...new Set(experts)];
      numDoubles += experts.length - once.length;
      return once;
    }),
  }));
  if (numDoubles === 0) return { placement: read, warnings: [] };
  const slots = numDoubles === 1 ? "1 slot holds" : `${numDoubles} slots hold`;
  return {
    placement: { ...read, layers },
    warnings: [`${slots} an expert that is on the same chiplet already, and which is counted once there`],
  };
}

function unequalSlots({ layers }: Placement): string[] {
  return layers.flatMap(({ layer, chiplets }) =>
    chiplets.flatMap((experts, chiplet) =>
      experts.length === chiplets[0].length
        ? []
        : [
            `layer ${layer}: chiplet ${chiplet} holds ${experts.length} experts, ` +
              `expected ${chiplets[0].length} as on the first`,
          ],
    ),
  );
}

function replicas({ layers, numExperts }: Placement): string[] {
  return layers
    .filter(({ chiplets }) => chiplets.flat().length > numExperts)
    .map(({ layer }) => `layer ${layer}: found replicas, expected every expert on one chiplet`);
}
