/** The links of a machine whose chiplets send to each other, as a network: the two-level tree, or a mesh. */
import type { Hardware } from "../hardware/hardware.js";
import { createRouting, type Network, type NetworkLink } from "./network.js";

/** A network, and where the chiplets are on it. */
export interface MachineNetwork {
  readonly network: Network;
  /** Router of each chiplet. Shape [numChiplets]. */
  readonly routerOf: readonly number[];
  /** Whether a link is one between the root and a chiplet group. */
  readonly isRootLink: (link: number) => boolean;
}

/**
 * The network of a machine.
 *
 * A tree has the root first, then a switch for each chiplet group, then the chiplets, and links in that order; a single
 * group needs no root. A mesh has its chiplets alone, row by row, each joined to its neighbours by a chiplet link.
 */
export function machineNetwork({ numGroups, chipletsPerGroup, links, mesh }: Hardware): MachineNetwork {
  const numChiplets = numGroups * chipletsPerGroup;
  const joined = (kind: "root" | "chiplet", from: number, to: number): NetworkLink => ({
    between: [from, to],
    bytesPerNs: links[kind].bytesPerNs.value,
    latencyNs: links[kind].latencyNs.value,
  });
  const chiplets = Array.from({ length: numChiplets }, (_, chiplet) => chiplet);
  if (mesh !== undefined) {
    const { columns, portBytesPerNs } = mesh;
    const neighbours = chiplets.flatMap((chiplet) => [
      ...((chiplet + 1) % columns === 0 ? [] : [joined("chiplet", chiplet, chiplet + 1)]),
      ...(chiplet + columns < numChiplets ? [joined("chiplet", chiplet, chiplet + columns)] : []),
    ]);
    const network: Network = {
      numRouters: numChiplets,
      links: neighbours,
      meshColumns: columns,
      portBytesPerNs: portBytesPerNs.value,
    };
    return { network, routerOf: chiplets, isRootLink: () => false };
  }
  const roots = Array.from({ length: numGroups }, (_, group) => joined("root", 0, 1 + group));
  const leaves = chiplets.map((chiplet) =>
    joined("chiplet", 1 + Math.floor(chiplet / chipletsPerGroup), 1 + numGroups + chiplet),
  );
  return {
    network: { numRouters: 1 + numGroups + numChiplets, links: [...roots, ...leaves] },
    routerOf: chiplets.map((chiplet) => 1 + numGroups + chiplet),
    isRootLink: (link) => link < numGroups,
  };
}

/** Links on the way from all other chiplets to each, added up. Shape [numChiplets]. */
export function hopsToEach({ network, routerOf }: MachineNetwork): Float64Array {
  const routeOf = createRouting(network);
  return Float64Array.from(routerOf, (to) =>
    routerOf.reduce((hops, from) => hops + routeOf(from, to).length - 1, 0),
  );
}

/**
 * Nanoseconds that an all-to-all on a mesh takes at least for each copy, wherever the copies go.
 *
 * Every port takes its own share of what arrives: copies / chiplets at least on the busiest. And whatever cuts the mesh
 * between two columns or two rows in parts of a and b chiplets is crossed by the a-th (or b-th) part of all that arrives on
 * either side, so in both directions together by min(a, b) / chiplets of all copies, over twice as many links as are cut.
 *
 * @param bytesPerCopy Of one token.
 */
export function leastMeshNs(
  { links, mesh, numGroups, chipletsPerGroup }: Hardware,
  bytesPerCopy: number,
): number {
  const numChiplets = numGroups * chipletsPerGroup;
  if (mesh === undefined || numChiplets === 1) return 0;
  const { columns } = mesh;
  const rows = numChiplets / columns;
  const portNs = ((1 - 1 / numChiplets) * bytesPerCopy) / numChiplets / mesh.portBytesPerNs.value;
  const cutNs = (sides: number, width: number) => {
    const smaller = Math.floor(sides / 2) * width;
    return ((smaller / numChiplets) * bytesPerCopy) / (2 * width) / links.chiplet.bytesPerNs.value;
  };
  return Math.max(portNs, cutNs(columns, rows), cutNs(rows, columns));
}
