import { groupOfChiplet } from "../placement/chiplet-group.js";
import type { MigrationPlan } from "../placement/migration-plan.js";
import type { Hardware } from "../hardware/hardware.js";
import { largest } from "../statistics.js";

/**
 * Time to send the weights of a migration plan: the bytes of the busiest link over its bandwidth.
 *
 * All layers move at once, and every link carries both directions at once: a chiplet's link what its chiplet sends or
 * receives, a group's link what leaves or enters the group. That experts come in steps, for want of free slots, is left
 * out; so it is the least time that the links allow.
 *
 * @returns Nanoseconds.
 *
 * @example
 * // One expert of 450 MB over NVLink of 450 bytes/ns:
 * const steps = [{ kind: "move", transfers: [{ expert: 5, from: 0, to: 1 }] }];
 * const servers = findHardware("h100-8x8");
 * migrationNs({ layers: [{ layer: 0, moves: 1, steps }] }, { hardware: servers, expertBytes: 450e6 }); // 1e6
 */
export function migrationNs(
  { layers }: Pick<MigrationPlan, "layers">,
  {
    hardware,
    expertBytes,
  }: {
    hardware: Hardware;
    /** Weights of one expert in one layer. */
    expertBytes: number;
  },
): number {
  const { chipletsPerGroup, links } = hardware;
  const overChiplet = new Map<string, number>();
  const overGroup = new Map<string, number>();
  const add = (bytesOver: Map<string, number>, link: string) =>
    bytesOver.set(link, (bytesOver.get(link) ?? 0) + expertBytes);
  for (const { from, to } of layers.flatMap(({ steps }) => steps).flatMap(transfersOf)) {
    add(overChiplet, `out ${from}`);
    add(overChiplet, `in ${to}`);
    const [source, target] = [from, to].map((chiplet) => groupOfChiplet(chiplet, chipletsPerGroup));
    if (source === target) continue;
    add(overGroup, `out ${source}`);
    add(overGroup, `in ${target}`);
  }
  return Math.max(
    largest([0, ...overChiplet.values()]) / links.chiplet.bytesPerNs.value,
    largest([0, ...overGroup.values()]) / links.root.bytesPerNs.value,
  );
}

function transfersOf(step: MigrationPlan["layers"][number]["steps"][number]) {
  return step.kind === "drop" ? [] : step.transfers;
}
