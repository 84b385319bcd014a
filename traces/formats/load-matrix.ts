import { parseNpy } from "../../lib/containers/npy.js";
import { kindOfNpy } from "../array-kind.js";
import { readWhole } from "../bytes/file-bytes.js";
import type { TraceFormat } from "../trace-format.js";
import { appendNumbers } from "./numbers.js";

/** Loads as a .npy array: [numLayers, numExperts], or with a first dimension more, of steps or ranks, that is added up. */
export const loadMatrix: TraceFormat = {
  name: "load matrix",
  sign: ".npy whose numbers are loads [layers, experts] or [steps, layers, experts]",
  recognises: (head, options) => kindOfNpy(head, options).kind === "loads",
  why: (head, options) => kindOfNpy(head, options).why,
  async read(paths, builder, onBytes) {
    for (const path of paths)
      appendNumbers(builder, parseNpy(await readWhole(path, onBytes), path), { where: path });
  },
};
