import type { Chiplets, Placement } from "./placement.js";

/** Missing experts that are listed one by one. */
const MOST_LISTED = 16;

/**
 * Lists everything that is wrong with a placement by itself, without the problem it answers: coverage, id range, no
 * expert twice on a chiplet, no more than fit on it, layers in order. Replicas on different chiplets are right.
 *
 * @returns One sentence a violation; empty if nothing is wrong.
 *
 * @example
 * verifyPlacement({ model: undefined, numExperts: 3, numChiplets: 2, layers: [{ layer: 0, chiplets: [[0, 0], [1]] }] });
 * // ["layer 0: chiplet 0 holds expert 0 twice", "layer 0: expert 2 is on no chiplet"]
 */
export function verifyPlacement(placement: Placement): string[] {
  const { numExperts, numChiplets, slotsPerChiplet = Infinity, layers } = placement;
  const violations: string[] = [];
  if (layers.length === 0) violations.push("found no layers, expected at least one");
  layers.forEach(({ layer, chiplets }, index) => {
    const complain = (violation: string) => violations.push(`layer ${layer}: ${violation}`);
    if (index > 0 && layers[index - 1].layer >= layer) {
      complain(`comes after layer ${layers[index - 1].layer}, expected layers in ascending order, each once`);
    }
    if (chiplets.length !== numChiplets) {
      complain(`found ${chiplets.length} chiplets, expected ${numChiplets}`);
    }
    chiplets.forEach((experts, chiplet) => {
      if (experts.length > slotsPerChiplet) {
        complain(`chiplet ${chiplet} holds ${experts.length} experts, its slots are ${slotsPerChiplet}`);
      }
    });
    expertViolations(chiplets, numExperts).forEach(complain);
  });
  return violations;
}

function expertViolations(chiplets: Chiplets, numExperts: number): string[] {
  const violations: string[] = [];
  const placed = new Set<number>();
  chiplets.forEach((experts, chiplet) => {
    const here = new Set<number>();
    for (const expert of experts) {
      if (!Number.isInteger(expert) || expert < 0 || expert >= numExperts) {
        violations.push(`chiplet ${chiplet} holds expert ${expert}, out of range [0, ${numExperts})`);
      } else if (here.has(expert)) {
        violations.push(`chiplet ${chiplet} holds expert ${expert} twice`);
      }
      here.add(expert);
      placed.add(expert);
    }
  });
  const missing: number[] = [];
  for (let expert = 0; expert < numExperts; expert++) if (!placed.has(expert)) missing.push(expert);
  if (missing.length > MOST_LISTED) {
    violations.push(`${missing.length} experts are on no chiplet, the first of them expert ${missing[0]}`);
  } else {
    for (const expert of missing) violations.push(`expert ${expert} is on no chiplet`);
  }
  return violations;
}
