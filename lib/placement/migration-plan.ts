import { InputError } from "../errors.js";
import { countMoves, planMigration, verifyMigration, type MigrationStep } from "./migration.js";
import type { Chiplets, Placement } from "./placement.js";
import { largest, sum } from "../statistics.js";

/** How to come from a running placement to another, layer by layer. */
export interface MigrationPlan {
  /** Slots to fill from elsewhere, over all layers. */
  readonly moves: number;
  /** Experts sent from chiplet to chiplet, detours and swaps included, over all layers. */
  readonly transfers: number;
  /** Weights sent, where their size is known. */
  readonly bytes?: number;
  readonly layers: readonly {
    readonly layer: number;
    readonly moves: number;
    readonly steps: readonly MigrationStep[];
  }[];
}

/** Options of {@link planMigrations}. */
export interface MigrationOptions {
  /** Default as many as the fullest chiplet of either placement holds. */
  readonly slotsPerChiplet?: number | undefined;
  /** Weights of one expert in one layer. */
  readonly expertBytes?: number | undefined;
}

/**
 * Plans the moves from a running placement to another for every layer of the other, and replays them to be sure.
 *
 * Placements may have other numbers of chiplets: the last ones of the larger are empty before, or in the end.
 *
 * @throws InputError if the placements differ in experts, or the running one lacks a layer.
 *
 * @example
 * const running = { numExperts: 3, numChiplets: 2, layers: [{ layer: 1, chiplets: [[0, 1], [2]] }] };
 * const next = { ...running, layers: [{ layer: 1, chiplets: [[0, 2], [1]] }] };
 * planMigrations(running, next, {}).layers[0].moves; // 2
 */
export function planMigrations(
  from: Placement,
  to: Placement,
  { slotsPerChiplet, expertBytes }: MigrationOptions = {},
): MigrationPlan {
  if (from.numExperts !== to.numExperts) {
    throw new InputError(
      `from: found ${from.numExperts} experts on ${from.numChiplets} chiplets, ` +
        `expected ${to.numExperts} on ${to.numChiplets}`,
    );
  }
  const numChiplets = Math.max(from.numChiplets, to.numChiplets);
  const isResized = from.numChiplets !== to.numChiplets;
  const chipletsOf = new Map(from.layers.map(({ layer, chiplets }) => [layer, chiplets]));
  const layers = to.layers.map(({ layer, chiplets: wanted }) => {
    const found = chipletsOf.get(layer);
    if (!found) throw new InputError(`from: found no layer ${layer}, expected every layer of the placement`);
    const [running, chiplets] = [found, wanted].map((given) => withEmpty(given, numChiplets));
    const fullest = largest([...running, ...chiplets].map((experts) => experts.length));
    // Machines of another size have other slots: those of either are there while experts move.
    const slots = isResized ? Math.max(fullest, slotsPerChiplet ?? 0) : (slotsPerChiplet ?? fullest);
    if (fullest > slots) {
      throw new InputError(
        `from: layer ${layer}: found ${fullest} experts on a chiplet, its slots are ${slots}`,
      );
    }
    const steps = planMigration(running, chiplets, slots);
    const violations = verifyMigration(steps, { from: running, to: chiplets, slotsPerChiplet: slots });
    if (violations.length > 0) throw new Error(`migration of layer ${layer}: ${violations[0]}`);
    return { layer, moves: countMoves(running, chiplets), steps };
  });
  const steps = layers.flatMap((planned) => planned.steps);
  const transfers = sum(steps.map((step) => (step.kind === "drop" ? 0 : step.transfers.length)));
  return {
    moves: sum(layers.map(({ moves }) => moves)),
    transfers,
    ...(expertBytes !== undefined && { bytes: transfers * expertBytes }),
    layers,
  };
}

/** As many chiplets, the last of them empty: those that are still to come, or have left. */
function withEmpty(chiplets: Chiplets, numChiplets: number): Chiplets {
  return Array.from({ length: numChiplets }, (_, chiplet) => chiplets.at(chiplet) ?? []);
}

/** Writes a migration plan as JSON, one step a line. */
export function formatMigrationPlan({ moves, transfers, bytes, layers }: MigrationPlan): string {
  const head = {
    format: "moeplace.migration",
    version: 1,
    moves,
    transfers,
    ...(bytes !== undefined && { bytes }),
  };
  const fields = Object.entries(head).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  const layerTexts = layers.map(({ layer, moves: own, steps }) => {
    const lines = steps.map((step) => `\n      ${JSON.stringify(step)}`);
    const end = lines.length > 0 ? "\n    " : "";
    return `    {"layer": ${layer}, "moves": ${own}, "steps": [${lines.join(",")}${end}]}`;
  });
  return `{\n  ${fields.join(", ")},\n  "layers": [\n${layerTexts.join(",\n")}\n  ]\n}\n`;
}
