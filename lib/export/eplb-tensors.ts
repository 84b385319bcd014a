import { describeValue } from "../describe-value.js";
import { InputError } from "../errors.js";
import type { Chiplets, Placement } from "../placement/placement.js";
import { formatRows, isRecord, layersOfRows, reportExtraKeys, unlessDamaged } from "./foreign-content.js";
import { parseNpy, writeNpy } from "../containers/npy.js";
import { rowMajor, type Tensor } from "../containers/tensor.js";
import { unzip } from "../containers/zip.js";
import { largest } from "../statistics.js";
import { expertsOfSlots, fillSlots } from "./physical-slots.js";
import type { FormatNeeds, PlacementFormat, ReadOptions, Report } from "./placement-format.js";

/**
 * What DeepSeek's `rebalance_experts` returns.
 *
 * Source: deepseek-ai/EPLB, eplb.py.
 */
interface EplbTensors {
  /** Expert of every physical slot. Shape [layers, slots]. */
  phy2log: number[][];
  /** Slots of every expert, padded with -1 to the most replicas. Shape [layers, experts, replicas]. */
  log2phy: number[][][];
  /** Replicas of every expert. Shape [layers, experts]. */
  logcnt: number[][];
}

const NAMES = ["phy2log", "log2phy", "logcnt"];
/** Of one tensor: some twenty times as many as the largest models have. As lists, each takes eight bytes several times over. */
const MOST_ENTRIES = 2 ** 22;
const needs: FormatNeeds = { layers: "all", equalSlots: true, noReplicas: false };

/** The tensors of DeepSeek EPLB as numpy arrays in one archive. */
export const eplbNpz: PlacementFormat = {
  name: "eplb",
  summary: "DeepSeek EPLB tensors phy2log, log2phy, logcnt: .npz, int64, a row for every MoE layer",
  extension: "npz",
  needs,
  servesDoubles: true,
  async write(placement) {
    const { zipSync } = await import("fflate");
    const { phy2log, log2phy, logcnt } = toTensors(placement);
    const shapes = [
      [phy2log.length, phy2log[0].length],
      [log2phy.length, log2phy[0].length, log2phy[0][0].length],
      [logcnt.length, logcnt[0].length],
    ];
    const values = [phy2log.flat(), log2phy.flat(2), logcnt.flat()];
    const entries = NAMES.map((name, index) => [`${name}.npy`, writeNpy(shapes[index], values[index])]);
    // A fixed date in local time, as zip keeps it: the same bytes whenever and wherever they are written.
    return zipSync(Object.fromEntries(entries) as Record<string, Uint8Array>, {
      level: 6,
      mtime: new Date(1980, 0, 1),
    });
  },
  // An archive names its members in plain letters.
  recognises: ({ bytes }) =>
    bytes[0] === 0x50 && bytes[1] === 0x4b && Buffer.from(bytes).includes("phy2log.npy"),
  read({ bytes }, options, report) {
    const tensors = unlessDamaged(() => {
      const members = unzip(bytes, "archive", (name) => name.endsWith(".npy"), "document");
      return Array.from(members, ([name, npy]) => {
        const tensor = parseNpy(npy, name);
        const numEntries = tensor.shape.reduce((product, length) => product * length, 1);
        if (numEntries > MOST_ENTRIES) {
          throw new InputError(`${name}: found ${numEntries} numbers, expected at most ${MOST_ENTRIES}`);
        }
        return [name.replace(/\.npy$/, ""), nest(rowMajor(tensor))];
      });
    }, report);
    if (tensors === undefined) return undefined;
    return readTensors(Object.fromEntries(tensors) as Record<string, unknown>, options, report);
  },
};

/** The tensors of DeepSeek EPLB as nested lists. */
export const eplbJson: PlacementFormat = {
  name: "eplb-json",
  summary: "DeepSeek EPLB tensors phy2log, log2phy, logcnt: JSON, a row for every MoE layer",
  extension: "json",
  needs,
  servesDoubles: true,
  write(placement) {
    const { phy2log, log2phy, logcnt } = toTensors(placement);
    const slots = log2phy.map((rows) => JSON.stringify(rows));
    return (
      `{\n"phy2log": ${formatRows(phy2log)},\n"log2phy": [\n  ${slots.join(",\n  ")}\n],\n` +
      `"logcnt": ${formatRows(logcnt)}\n}\n`
    );
  },
  recognises: ({ json }) => isRecord(json) && "phy2log" in json,
  read: ({ json }, options, report) => readTensors(json as Record<string, unknown>, options, report),
};

function toTensors({ layers, numExperts }: Placement): EplbTensors {
  const phy2log = layers.map(({ chiplets }) => expertsOfSlots(chiplets));
  const slotsOf = phy2log.map((slots) => slotsOfExperts(slots, numExperts));
  const most = largest(slotsOf.flatMap((slots) => slots.map(({ length }) => length)));
  return {
    phy2log,
    log2phy: slotsOf.map((slots) =>
      slots.map((own) => [...own, ...new Array<number>(most - own.length).fill(-1)]),
    ),
    logcnt: slotsOf.map((slots) => slots.map(({ length }) => length)),
  };
}

function readTensors(
  tensors: Record<string, unknown>,
  options: ReadOptions,
  report: Report,
): Placement | undefined {
  reportExtraKeys(tensors, NAMES, report);
  const { phy2log } = tensors;
  if (!Array.isArray(phy2log) || phy2log.length === 0) {
    report(`phy2log: found ${describeValue(phy2log)}, expected a row of slots for every MoE layer`);
    return undefined;
  }
  const layerOf = layersOfRows(phy2log.length, options, report);
  const rows = layerOf.map((layer, row) => ({ layer, slots: phy2log[row] as unknown }));
  const numExperts = options.numExperts ?? numRows(tensors.logcnt);
  const placement = fillSlots(rows, { ...options, numExperts, format: "eplb" }, report);
  if (placement !== undefined)
    reportContradictions(placement, { tensors, slots: phy2log as number[][] }, report);
  return placement;
}

/** Compares log2phy and logcnt with what phy2log says, expert by expert. */
function reportContradictions(
  { layers, numExperts }: Placement,
  { tensors, slots }: { tensors: Record<string, unknown>; slots: number[][] },
  report: Report,
): void {
  const { log2phy, logcnt } = tensors as { log2phy?: unknown[][]; logcnt?: unknown[][] };
  layers.forEach(({ layer }, row) => {
    slotsOfExperts(slots[row], numExperts).forEach((own, expert) => {
      const count = logcnt?.[row]?.[expert];
      if (count !== own.length) {
        report(
          `logcnt: layer ${layer}, expert ${expert}: found ${describeValue(count)}, phy2log has ${own.length}`,
        );
      }
      const listed = log2phy?.[row]?.[expert];
      const kept = new Set<unknown>(Array.isArray(listed) ? listed.slice(0, own.length) : []);
      const padding = Array.isArray(listed) ? listed.slice(own.length) : [];
      // EPLB lists the replicas in the order it made them, so only the set can be compared.
      const same = own.every((slot) => kept.has(slot)) && padding.every((entry) => entry === -1);
      if (!same) {
        report(
          `log2phy: layer ${layer}, expert ${expert}: found ${describeValue(listed)}, phy2log has ${describeValue(own)}`,
        );
      }
    });
  });
}

/** Slots of every expert, ascending; ids out of range are left to the placement's own check. */
function slotsOfExperts(slots: Chiplets[number], numExperts: number): number[][] {
  const own = Array.from({ length: numExperts }, (): number[] => []);
  slots.forEach((expert, slot) => {
    if (expert >= 0 && expert < numExperts) own[expert].push(slot);
  });
  return own;
}

function numRows(logcnt: unknown): number | undefined {
  if (!Array.isArray(logcnt)) return undefined;
  const first: unknown = logcnt[0];
  return Array.isArray(first) ? first.length : undefined;
}

/** Nested lists of an array whose values lie row by row. */
function nest({ shape, values }: Tensor): unknown {
  const cut = (axis: number, from: number, stride: number): unknown => {
    if (axis === shape.length) return values[from];
    const inner = stride / shape[axis];
    return Array.from({ length: shape[axis] }, (_, index) => cut(axis + 1, from + index * inner, inner));
  };
  return cut(0, 0, values.length);
}
