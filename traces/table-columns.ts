const LAYER =
  /^((moe|decoder|transformer|model|hidden)_?)?layers?(_?(ids?|idx|index|indices|no|num|numbers?))?$/i;
const EXPERTS =
  /^((routed|selected|activated|chosen)_experts?|experts?_?(ids|indices|list)?|top_?k_(ids|indices|experts)|top_indices|(router_)?indices)$/i;
const EXPERT = /^experts?(_?(id|idx|index|no|num|number))?$/i;
const PLACE = /^(expert|topk|top_k|e)_?\d+$/i;
/** The place of an expert among those of a token, in tables with a row for each. */
const RANK =
  /^(rank|slot|k|place|choice|order|(top_?k|expert|k)_?(rank|slot|place|choice|order|pos|position|idx|index|i))$/i;
const COUNT =
  /^(((token|activation|selection|expert)_?)?(counts?|loads?|hits|freq|frequency)|(num_)?(tokens|activations))$/i;
const SEQUENCE =
  /^((req|request|problem|sequence|seq|prompt|sample|doc|conversation|batch|example|question)_?(id|idx|index|no|num|number)?|rid)$/i;
const TOKEN = /^(tok|token|position|pos|index|idx|row|t)(_?(id|idx|index|pos|position|no|num|number))?$/i;
/** What else tells tokens of the same number apart: steps, and ranks of a machine. */
const APART =
  /^((step|iter|iteration|pass|forward_?pass)(_?(id|idx|index))?|(tp|dp|ep|pp|gpu|device|worker|node|global|local)_?(rank|id|idx|index)|gpu|device)$/i;

/** Which of these are of those that computed. */
const RANKS = /rank|gpu|device|worker|node/i;

/** The columns that tell ranks, and those that tell steps of them, among what tells tokens of the same number apart. */
export function apartOf(token: readonly string[]): { ranks: readonly string[]; steps: readonly string[] } {
  const apart = token.filter((column) => APART.test(column) || /^rank$/i.test(column));
  return {
    ranks: apart.filter((column) => RANKS.test(column)),
    steps: apart.filter((column) => !RANKS.test(column)),
  };
}

/** What the columns of a table are, by their names. */
export interface TableRoles {
  readonly layer: string | undefined;
  /** A list of experts, or one. */
  readonly experts: string | undefined;
  /** The place of the one among those of its token. */
  readonly rank: string | undefined;
  /** How often the expert was chosen. */
  readonly count: string | undefined;
  /** A column for every place of a token's experts, or for every expert, by the numbers in their names. */
  readonly places: readonly string[];
  readonly sequence: string | undefined;
  /** What tells tokens of a layer apart: their number, and those of what they are in. */
  readonly token: readonly string[];
  /** Whether one of these is the number of the token or of its sequence. */
  readonly hasToken: boolean;
}

/** Tells the columns of a table by their names. */
export function rolesOf(columns: readonly string[]): TableRoles {
  const find = (name: RegExp) => columns.find((column) => name.test(column));
  const experts = find(EXPERTS) ?? find(EXPERT);
  const isToken = (column: string) => TOKEN.test(column) || SEQUENCE.test(column);
  return {
    layer: find(LAYER),
    experts,
    rank: columns.find((column) => column !== experts && RANK.test(column)),
    count: find(COUNT),
    places: columns.filter((column) => PLACE.test(column)).sort((a, b) => numberOf(a) - numberOf(b)),
    sequence: find(SEQUENCE),
    token: columns.filter((column) => isToken(column) || APART.test(column)),
    hasToken: columns.some(isToken),
  };
}

/** The number at the end of a name. */
function numberOf(column: string): number {
  return Number(/\d+$/.exec(column)?.[0]);
}

/** The first of columns, one for every expert, behind which a number is left out; undefined where there is none. */
export function gapBehind(places: readonly string[]): string | undefined {
  return places.slice(0, -1).find((place, at) => numberOf(places[at + 1]) !== numberOf(place) + 1);
}

/** Whether a table has experts of tokens, or loads, as far as the names of its columns tell. */
export function hasExperts(columns: readonly string[]): boolean {
  return columns.some((column) => [EXPERTS, EXPERT, PLACE].some((names) => names.test(column)));
}
