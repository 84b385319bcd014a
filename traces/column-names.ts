import { InputError } from "../lib/errors.js";
import { tensorOfLists } from "../lib/containers/tensor.js";
import { MAX_ID, sharesMore, type Groups } from "./array-facts.js";
import type { DetectOptions } from "./array-kind.js";
import { counterAmong, isConstant, isCount, type Counting, type Rows } from "./counted-columns.js";
import { MAX_TOP_K, whyLoads } from "./why-loads.js";

const WAY_OUT =
  "Maybe save it as CSV whose first line names the columns, such as layer,token,e0,e1 or layer,token,rank,expert,weight or " +
  "layer,expert,count.";

/**
 * Names for the columns of a table without any, of which some count: `layer`, `token`, and `expert_0`, `expert_1` ... in rows
 * with all experts of a token, or `rank` and `expert` where there is a row for each; or `layer`, `expert`, `count`. What
 * stands beside them is a `weight`, and what numbers the rows has no name.
 *
 * @returns The names, and whether nothing told them but the usual order.
 * @throws InputError if nothing tells which column is what.
 */
export function namesOfColumns(
  rows: Rows,
  { hasIndex, orders }: Counting,
  { where, ...options }: DetectOptions & { where: string },
): { names: readonly string[]; isAssumed: boolean } {
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const names = Array.from({ length: width }, () => "");
  const rest = names.map((_, column) => column).slice(Number(hasIndex));
  if (orders.length === 0) {
    rest.forEach((column, place) => (names[column] = `expert_${place}`));
    return { names, isAssumed: false };
  }
  // What the user calls loads is layer, expert, count.
  const isTold = orders.length === 1 || options.as === "loads";
  const { order, isAssumed } = isTold
    ? { order: orders[0], isAssumed: false }
    : orderOf(rows, orders, { where, ...options });
  const [layer, token] = order;
  const others = rest.filter((column) => column !== layer && column !== token);
  names[layer] = "layer";
  names[token] = "token";
  const groups = groupsOf(rows, layer, token);
  const longest = groups.reduce((most, group) => Math.max(most, group.length), 0);
  if (longest > 1) nameLong(names, others, groups, where);
  else if (others.length > 1) nameWide(names, others, rows, where);
  else if (isLoads(rows, [layer, token, others[0]], { where, ...options })) {
    names[token] = "expert";
    names[others[0]] = "count";
  } else names[others[0]] = "expert";
  return { names, isAssumed };
}

/** Which of two columns that both may be is the layer: the one within which tokens share experts, or of fewer numbers. */
function orderOf(
  rows: Rows,
  orders: Counting["orders"],
  { where, numLayers }: DetectOptions & { where: string },
): { order: readonly [number, number]; isAssumed: boolean } {
  const [[first, second]] = orders;
  const counts = [first, second].map((column) => new Set(rows.map((row) => row[column])).size);
  const ends = [first, second].map(
    (column) => rows.reduce((most, row) => Math.max(most, row[column]), 0) + 1,
  );
  const [isFirst, isSecond] = ends.map((end) => end === numLayers);
  if (isFirst !== isSecond) return { order: orders[Number(isSecond)], isAssumed: false };
  const others = (row: readonly number[]) => row.filter((_, at) => at > Math.max(first, second));
  const [byFirst, bySecond] = [first, second].map((column) => groupsBy(rows, column, others));
  if (isConstant(rows, second) || sharesMore(bySecond, byFirst))
    return { order: orders[1], isAssumed: false };
  if (isConstant(rows, first) || sharesMore(byFirst, bySecond)) return { order: orders[0], isAssumed: false };
  if (counts[0] <= counts[1]) return { order: orders[0], isAssumed: true };
  throw new InputError(
    `${where}: found columns without names, of ${counts[0]} and ${counts[1]} numbers, that may be layer and token or token and layer, expected what tells`,
    `${WAY_OUT} Or pass numLayers.`,
  );
}

/** Rows by what stands in a column. */
function groupsBy(rows: Rows, column: number, others: (row: readonly number[]) => number[]): Groups {
  const groups = new Map<number, number[][]>();
  for (const row of rows) {
    const group = groups.get(row[column]) ?? [];
    group.push(others(row));
    groups.set(row[column], group);
  }
  return [...groups.values()];
}

/** Rows that come one after the other and are of the same layer and token. */
function groupsOf(rows: Rows, layer: number, token: number): Groups {
  const groups: (readonly number[])[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0][layer] === row[layer] && last[0][token] === row[token]) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** A row for every expert of a token: its place among them, the expert, and weights. */
function nameLong(names: string[], others: readonly number[], groups: Groups, where: string): void {
  const rank = others.find((column) =>
    groups.every((group) => group.every((row, at) => row[column] === at + groups[0][0][column])),
  );
  const experts = others.filter(
    (column) =>
      column !== rank &&
      groups.every((group) => {
        const ids = group.map((row) => row[column]).filter((id) => id >= 0);
        return ids.every((id) => isCount(id) && id < MAX_ID) && new Set(ids).size === ids.length;
      }),
  );
  const [expert] = experts;
  const matrix = tensorOfLists(groups.map((group) => group.map((row) => row[expert])));
  const mayBeLoads = matrix !== undefined && whyLoads(matrix) !== undefined;
  const rest = others.filter((column) => column !== rank && column !== expert);
  const areWeights = rest.every((column) => groups.flat().some((row) => !Number.isInteger(row[column])));
  if (experts.length !== 1 || !areWeights || mayBeLoads || groups.some(({ length }) => length > MAX_TOP_K)) {
    throw new InputError(
      `${where}: found several rows for a layer and a token, and ${experts.length} columns that may be its experts, expected one of ids`,
      WAY_OUT,
    );
  }
  for (const column of others)
    names[column] = column === rank ? "rank" : column === expert ? "expert" : "weight";
}

/** A column for every place of a token's experts, with weights among them; or one for every expert of the layer. */
function nameWide(names: string[], others: readonly number[], rows: Rows, where: string): void {
  const counter = others.length > MAX_TOP_K ? -1 : counterAmong(rows, others[0]);
  // Beside the expert of a top-1 model, what is always the same may be its weight.
  const isWeighted = others.length === 2 && others.some((column) => isConstant(rows, column));
  if (counter >= 0 || (isWeighted && rows.length > others.length)) {
    throw new InputError(
      `${where}: found a column behind layer and token that ${counter < 0 ? "is always the same" : "counts"}, expected experts`,
      WAY_OUT,
    );
  }
  const whole = others.filter((column) =>
    rows.every((row) => row.length <= column || Number.isInteger(row[column])),
  );
  const experts = whole.length > 0 && others.length <= MAX_TOP_K ? whole : others;
  for (const column of others) names[column] = "weight";
  experts.forEach((column, place) => (names[column] = `expert_${place}`));
}

/**
 * Whether three columns are layer, expert and how often it was chosen, rather than layer, token and its expert.
 *
 * @throws InputError if nothing tells.
 */
function isLoads(
  rows: Rows,
  [layer, expert, count]: readonly [number, number, number],
  { where, as, topK }: DetectOptions & { where: string },
): boolean {
  const last = rows.reduce((most, row) => Math.max(most, row[expert]), 0);
  if (topK === 1 || as === "tokens" || last >= MAX_ID) return false;
  if (as === "loads") return true;
  const loads = new Map<number, number[]>();
  for (const row of rows) {
    const load = loads.get(row[layer]) ?? Array.from({ length: last + 1 }, () => 0);
    load[row[expert]] += row[count];
    loads.set(row[layer], load);
  }
  const matrix = tensorOfLists([...loads.values()]);
  if (matrix !== undefined && whyLoads(matrix) !== undefined) return true;
  throw new InputError(
    `${where}: found three columns without names, which may be layer, token, expert and layer, expert, count, expected what tells`,
    "Maybe pass as tokens, or pass as loads.",
  );
}
