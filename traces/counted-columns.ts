/** No model has as many layers. */
export const MAX_LAYERS = 128;
/** Rows that are looked at. */
const MOST_ROWS = 1024;

/** Whether the first two columns are layer and token: whole numbers, and the token goes on, or begins with the layer. */
export function countAsLayersDo(rows: readonly (readonly number[])[]): boolean {
  const pairs = rows.slice(0, MOST_ROWS);
  const isWhole = pairs.every(([layer, token]) => isCount(layer) && isCount(token) && layer < MAX_LAYERS);
  if (!isWhole || rows[0].length < 3) return false;
  return pairs.every(([layer, token], at) => {
    if (at === 0) return true;
    const [before, tokenBefore] = pairs[at - 1];
    return layer === before
      ? token === tokenBefore + 1 || token === 0
      : token === tokenBefore || token <= 1 || token === tokenBefore + 1;
  });
}

/** Whether a value is a whole number that counts something. */
export function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}
