import type { Random } from "../random.js";
import { isConstant, type Trust } from "./constant.js";
import type { Hardware } from "./hardware.js";

/** How far a constant may be off, as a share, by how far it can be believed. Assumed, of each kind as a whole. */
export const TRUSTED_WITHIN: Readonly<Record<Trust, number>> = {
  given: 0,
  measured: 0.05,
  "data sheet": 0.1,
  printed: 0.1,
  derived: 0.1,
  fitted: 0.1,
  "spec target": 0.2,
  assumed: 0.3,
};

/** Rates, latencies and efficiencies; what is counted, or is no time, stays. */
const TIMED = /Ns|Ghz|efficiency|Slowdown/;

/**
 * The same machine with every rate, latency and efficiency somewhere within its trust, as likely above as below.
 *
 * @example
 * drawConstants(findHardware("h100-8x8"), createRandom(1)).links.chiplet.bytesPerNs.value; // within 10 % of 450
 */
export function drawConstants(hardware: Hardware, random: Random): Hardware {
  const draw = (name: string, value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (!isConstant(value)) {
      return Object.fromEntries(Object.entries(value).map(([inner, part]) => [inner, draw(inner, part)]));
    }
    if (!TIMED.test(name)) return value;
    const drawn = value.value * (1 + TRUSTED_WITHIN[value.trust]) ** (2 * random.next() - 1);
    if (name === "efficiency") return { ...value, value: Math.min(1, drawn) };
    return { ...value, value: name.endsWith("Slowdown") ? Math.max(1, drawn) : drawn };
  };
  return draw("", hardware) as Hardware;
}
