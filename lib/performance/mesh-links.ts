import type { Hardware } from "../hardware/hardware.js";
import { createAllToAll } from "./all-to-all.js";
import type { LinkLoads } from "./link-loads.js";
import { machineNetwork } from "./machine-network.js";
import { linkBusyNs } from "./network.js";

/** Of every chiplet of a mesh, its links to the neighbours on the right and below; 0 where there is none. Shapes [numChiplets]. */
export interface MeshLinks {
  readonly right: Float64Array;
  readonly below: Float64Array;
}

/**
 * Share of an exchange's time for which every link of a mesh moves bytes, in its busier direction. The rest it waits for busier
 * links, and for ports.
 *
 * @returns Undefined where the machine is no mesh.
 */
export function meshLinkShares({ chipletDown }: LinkLoads, hardware: Hardware): MeshLinks | undefined {
  if (hardware.mesh === undefined) return undefined;
  const { network, routerOf } = machineNetwork(hardware);
  const { boundNs, contentionNs } = createAllToAll(network, routerOf)({ bytes: chipletDown });
  const flows = routerOf.flatMap((from) =>
    routerOf.map((to, chiplet) => ({ from, to, bytes: chipletDown[chiplet] })),
  );
  const busyNs = linkBusyNs(network, flows);
  const links = {
    right: new Float64Array(chipletDown.length),
    below: new Float64Array(chipletDown.length),
  };
  const wholeNs = boundNs + contentionNs;
  network.links.forEach(({ between: [from, to] }, link) => {
    const side = to === from + 1 && hardware.mesh?.columns !== 1 ? links.right : links.below;
    side[from] = wholeNs > 0 ? busyNs[link] / wholeNs : 0;
  });
  return links;
}
