// What id-rows.ts answers, one id at a time: where there are no kernels, and where rows are wider than those of any model.

/** The largest of many ids, -1 where there are none. */
export function plainLargestId(ids: Uint16Array): number {
  let largest = -1;
  for (let at = 0; at < ids.length; at++) if (ids[at] > largest) largest = ids[at];
  return largest;
}

/** Rows of up to so many ids are searched by comparing all pairs. */
const FEW = 32;

/**
 * The first row in which an id comes twice, -1 where there is none.
 *
 * @param ids Shape [numRows, width], row-major.
 */
export function plainRowWithRepeat(ids: Uint16Array, width: number): number {
  if (width > FEW) return wideRowWithRepeat(ids, width);
  for (let start = 0; start < ids.length; start += width) {
    for (let at = start + 1; at < start + width; at++) {
      for (let before = start; before < at; before++) if (ids[at] === ids[before]) return start / width;
    }
  }
  return -1;
}

function wideRowWithRepeat(ids: Uint16Array, width: number): number {
  const lastRow = new Map<number, number>();
  for (let at = 0; at < ids.length; at++) {
    const row = Math.floor(at / width);
    if (lastRow.get(ids[at]) === row) return row;
    lastRow.set(ids[at], row);
  }
  return -1;
}
