import { listConstants, type Constant, type Hardware } from "../hardware/hardware.js";
import { FP8_ENERGY } from "./energy.js";
import { IN_FLIGHT } from "./memory.js";
import { SERIAL_LOSS } from "./network.js";
import { BACKWARD_COMPUTE } from "./stages.js";

/** A constant with its place, the unit at its end: `links.root.bytesPerNs`. */
export interface NamedConstant extends Constant {
  readonly path: string;
}

/**
 * Every constant that modelled times and energies rest on: the machine's, then the model's own under `model.`.
 *
 * What the machine has but the model does not use is left out: a root where tokens start everywhere, its link on a mesh.
 *
 * @example
 * modelConstants(findHardware("mozart-qwen3")).find(({ path }) => path === "links.root.bytesPerNs").trust; // "derived"
 */
export function modelConstants(hardware: Hardware): NamedConstant[] {
  const unused = [
    ...(hardware.tokensStart === "everywhere" ? ["root.", "rootMemory."] : []),
    ...(hardware.mesh === undefined ? [] : ["links.root."]),
  ];
  return [
    ...listConstants(hardware)
      .filter(({ path }) => !unused.some((start) => path.startsWith(start)))
      .map(({ path, constant }) => ({ path, ...constant })),
    ...ownConstants(hardware),
  ];
}

function ownConstants({ tokensStart, weights, kernels }: Hardware): NamedConstant[] {
  const assumed = (path: string, value: number, source: string): NamedConstant => ({
    path: `model.${path}`,
    value,
    source,
    trust: "assumed",
  });
  const constants = [
    assumed("backwardCompute", BACKWARD_COMPUTE, "gradients of inputs and of weights: one product each"),
    assumed("fp8Energy", FP8_ENERGY, "a multiply-accumulate at FP8 takes half of one at 16 bits"),
  ];
  if (weights === "streamed") {
    constants.push(assumed("chunksInFlight", IN_FLIGHT, "one that arrives, one at work, one that leaves"));
  }
  // What was measured of kernels has contention in it.
  if (tokensStart === "everywhere" && kernels === undefined) {
    constants.push({
      path: "model.serialLoss",
      value: SERIAL_LOSS,
      source: "fitted to flit-level simulation by `npm run bench:network`",
      trust: "fitted",
    });
  }
  return constants;
}
