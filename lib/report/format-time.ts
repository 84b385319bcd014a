const units = [
  { name: "s", ns: 1e9 },
  { name: "ms", ns: 1e6 },
  { name: "us", ns: 1e3 },
  { name: "ns", ns: 1 },
] as const;

/** The unit in which a time reads best, and how many nanoseconds it has. */
export function timeUnit(ns: number): { name: string; ns: number } {
  return units.find((unit) => ns >= unit.ns) ?? units[3];
}

/**
 * A time for people, with three or four digits.
 *
 * @example
 * formatTime(1234567); // "1.235 ms"
 */
export function formatTime(ns: number): string {
  const unit = timeUnit(ns);
  return `${Number((ns / unit.ns).toPrecision(4))} ${unit.name}`;
}

/** A time with four digits always, for times beside each other. */
export function fourDigits(ns: number): string {
  const unit = timeUnit(ns);
  return `${(ns / unit.ns).toPrecision(4)} ${unit.name}`;
}

/** Round times from 0 to an end, about as many as wanted, with their labels; the first label carries the unit. */
export function timeTicks(endNs: number, wanted: number): { ns: number; label: string }[] {
  const unit = timeUnit(endNs);
  const rough = endNs / unit.ns / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const count = endNs > 0 ? Math.floor(endNs / unit.ns / step) + 1 : 1;
  return Array.from({ length: count }, (_, index) => ({
    ns: index * step * unit.ns,
    label: `${Number((index * step).toPrecision(6))}${index === 0 ? ` ${unit.name}` : ""}`,
  }));
}

/** An energy for people. */
export function formatEnergy(pj: number): string {
  const [unit, size] =
    pj >= 1e12 ? (["J", 1e12] as const) : pj >= 1e9 ? (["mJ", 1e9] as const) : (["µJ", 1e6] as const);
  return `${(pj / size).toPrecision(4)} ${unit}`;
}
