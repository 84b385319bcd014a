/**
 * The chiplet group of a chiplet: groups are runs of consecutive chiplets. The verifier has its own.
 *
 * @example
 * groupOfChiplet(5, 4); // 1
 */
export function groupOfChiplet(chiplet: number, chipletsPerGroup: number): number {
  return Math.floor(chiplet / chipletsPerGroup);
}
