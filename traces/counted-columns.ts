/** No model has as many layers. */
export const MAX_LAYERS = 128;
/** Rows that are looked at: in so many of all layers there are more tokens than any model has layers. */
export const ROWS_THAT_TELL = MAX_LAYERS ** 2;
/** Fewer rows may count by chance. */
const [FEW_ROWS, FEW_STEPS, MANY_ROWS] = [4, 16, 32];
/** One step in so many may be odd: some recordings lack a few tokens. */
const ODD_ONE_IN = 50;
/** The chance of experts to be in no row as in another. */
const UNLIKELY = 1e-6;
/** Tables with more columns have one for every expert, and a row for every token. */
const MOST_PLACES = 24;
/** Sequences of one layer are longer than this. */
const SHORT_SEQUENCE = 4;

/** Rows of a table. Shape [numRows][numColumns]. */
export type Rows = readonly (readonly number[])[];

/** Which columns of a table without names count, as layers, tokens and rows do. */
export interface Counting {
  /** Whether the first column numbers the rows. */
  readonly hasIndex: boolean;
  /** Columns that may be the layer and the token; both ways round where both are possible, none behind a mere index. */
  readonly orders: readonly (readonly [layer: number, token: number])[];
}

/**
 * Tells a table without names from mere numbers: its first columns count as nested loops do, over layers and tokens, one
 * inside the other. No experts and no loads do.
 *
 * @param as What the user said they are: loads have no tokens, but three columns may be layer, expert and count.
 * @returns Undefined where nothing counts.
 */
export function countingOf(all: Rows, as?: "tokens" | "loads"): Counting | undefined {
  const rows = all.slice(0, ROWS_THAT_TELL);
  if (rows.length === 0 || rows[0].length < 2) return undefined;
  const isNumbered = rows.length >= FEW_ROWS && rows.every(([index], row) => index === row);
  // Tokens of one layer are numbered too.
  const hasIndex = isNumbered && !isConstant(rows, 1);
  const first = Number(hasIndex);
  const orders = (
    [
      [first, first + 1],
      [first + 1, first],
    ] as const
  ).filter(
    (order) =>
      rows[0].length > first + 2 &&
      (as !== "loads" || rows[0].length === first + 3) &&
      (countAs(rows, order) || tellApart(rows, order)),
  );
  return orders.length > 0 || hasIndex ? { hasIndex, orders } : undefined;
}

/** The first column, from `first` on, that counts as neither experts nor loads do; -1 where none does. */
export function counterAmong(rows: Rows, first = 0): number {
  if (rows.length < MANY_ROWS) return -1;
  for (let column = first; column < rows[0].length; column++) if (isCounter(rows, column)) return column;
  return -1;
}

/** Whether a column only ever goes up, or goes on by one from wherever it begins again, not always at the same number. */
function isCounter(rows: Rows, column: number): boolean {
  const [values, falls] = [rows.map((row) => row[column]), new Set<number>()];
  let [changes, ones] = [0, 0];
  for (let at = 1; at < values.length; at++) {
    const step = values[at] - values[at - 1];
    if (step < 0) falls.add(values[at - 1]);
    changes += Number(step !== 0);
    ones += Number(step === 1);
  }
  const goesOn = changes >= FEW_STEPS && 3 * ones > 2 * changes && falls.size > 1;
  return changes > 0 && (falls.size === 0 || goesOn) && values.every(isCount);
}

/** Whether all values of a column are the same. */
export function isConstant(rows: Rows, column: number): boolean {
  return rows.every((row) => row[column] === rows[0][column]);
}

/** Whether a value is a whole number that counts something. */
export function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

/**
 * Whether two columns tell all rows apart, in whatever order these are: layer and token do, or layer and expert, and experts
 * of tokens, drawn by chance, would not.
 */
function tellApart(rows: Rows, [layerAt, tokenAt]: readonly [number, number]): boolean {
  const isSound = rows.every(
    (row) => isCount(row[layerAt]) && isCount(row[tokenAt]) && row[layerAt] < MAX_LAYERS,
  );
  if (!isSound) return false;
  const [numLayers, numTokens] = [layerAt, tokenAt].map(
    (column) => new Set(rows.map((row) => row[column])).size,
  );
  const numPairs = new Set(rows.map((row) => row[tokenAt] * MAX_LAYERS + row[layerAt])).size;
  const expected = rows.length ** 2 / 2 / (numLayers * numTokens);
  return numPairs === rows.length && Math.exp(-expected) < UNLIKELY;
}

/**
 * Whether two columns are layer and token. Within a layer the token goes on, or begins the next sequence; the next layer has
 * the same tokens; and behind the last layer the first one goes on. Rows of a token, one for each expert, are one step.
 */
function countAs(rows: Rows, [layerAt, tokenAt]: readonly [number, number]): boolean {
  const [firstLayer, firstToken] = [rows[0][layerAt], rows[0][tokenAt]];
  let [layer, token, passStart] = [firstLayer, firstToken, firstToken];
  let [steps, gaps, restarts, odd, lastToken] = [0, 0, 0, 0, firstToken];
  for (const row of rows) {
    const [nextLayer, nextToken] = [row[layerAt], row[tokenAt]];
    if (!isCount(nextLayer) || !isCount(nextToken) || nextLayer >= MAX_LAYERS) return false;
    if (nextLayer === layer && nextToken === token) continue;
    steps++;
    if (nextLayer === layer) {
      if (nextToken === firstToken) restarts++;
      else if (nextToken > token) gaps += Number(nextToken > token + 1);
      else odd++;
      if (nextToken < token) passStart = nextToken;
    } else if (nextToken !== passStart || nextLayer < layer) {
      const goesOn = nextLayer === firstLayer && nextToken === token + 1;
      if (nextToken === firstToken) restarts++;
      else if (!goesOn) odd++;
      passStart = nextToken;
    }
    [layer, token] = [nextLayer, nextToken];
    lastToken = Math.max(lastToken, token);
  }
  const isLong = steps >= FEW_STEPS;
  // Of loads, the first two experts of a few layers may count by chance.
  if (rows[0].length > MOST_PLACES + 2 && (!isLong || steps < rows.length - 1)) return false;
  const isOdd = isLong ? ODD_ONE_IN * odd > steps : odd + gaps > 0 || firstToken > 1;
  return lastToken > firstToken && !isOdd && SHORT_SEQUENCE * restarts <= steps;
}
