/** An MoE layer, whatever the names of its tensors. All matrices row-major. */
export interface MoeLayer {
  readonly numExperts: number;
  readonly hiddenSize: number;
  readonly topK: number;
  /** Shape [numExperts, hiddenSize]. */
  readonly router: Float64Array;
  /** Added to a score where experts are chosen, not where they are weighted. Shape [numExperts]. */
  readonly bias?: Float64Array;
  /** The router chooses `chosen` of `count` groups of ids first, by the sum of their two best scores. */
  readonly groups?: { readonly count: number; readonly chosen: number };
  /** What an expert makes of a vector. Shapes [hiddenSize]. */
  expert(expert: number, input: Float64Array): Float64Array;
}

/**
 * What a model of MoE layers alone makes of a vector, and which experts it chose in each layer, best first.
 *
 * Experts are added up in the order of their scores, as engines do that weight the top-k of a token, so that the order of
 * the ids changes no bit.
 */
export function forward(
  layers: readonly MoeLayer[],
  input: Float64Array,
): { output: Float64Array; chosen: number[][] } {
  const chosen: number[][] = [];
  let hidden = input;
  for (const layer of layers) {
    const { experts, weights } = route(layer, hidden);
    chosen.push(experts);
    const next = Float64Array.from(hidden);
    experts.forEach((expert, rank) => {
      layer.expert(expert, hidden).forEach((value, index) => (next[index] += weights[rank] * value));
    });
    hidden = next;
  }
  return { output: hidden, chosen };
}

/** Sums over the columns of a row-major matrix: one value a row. */
export function multiply(matrix: Float64Array, vector: Float64Array): Float64Array {
  const width = vector.length;
  return Float64Array.from({ length: matrix.length / width }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < width; column++) sum += matrix[row * width + column] * vector[column];
    return sum;
  });
}

/** Gate, up and down projection of a SwiGLU expert. */
export function swiGlu(
  { gate, up, down }: { gate: Float64Array; up: Float64Array; down: Float64Array },
  input: Float64Array,
): Float64Array {
  const raised = multiply(up, input);
  const inner = multiply(gate, input).map((value, index) => (value / (1 + Math.exp(-value))) * raised[index]);
  return multiply(down, inner);
}

function route(
  { numExperts, topK, router, bias, groups }: MoeLayer,
  input: Float64Array,
): { experts: number[]; weights: number[] } {
  const scores = multiply(router, input).map((logit) => 1 / (1 + Math.exp(-logit)));
  const ranked = scores.map((score, expert) => score + (bias?.[expert] ?? 0));
  const best = (ids: number[], score: (id: number) => number, count: number) =>
    [...ids].sort((a, b) => score(b) - score(a)).slice(0, count);
  const all = Array.from({ length: numExperts }, (_, expert) => expert);
  let open = all;
  if (groups !== undefined) {
    const size = numExperts / groups.count;
    const worth = (group: number) => {
      const own = all.filter((expert) => Math.floor(expert / size) === group);
      const [first, second] = best(own, (expert) => ranked[expert], 2);
      return ranked[first] + ranked[second];
    };
    const kept = best([...Array(groups.count).keys()], worth, groups.chosen);
    open = all.filter((expert) => kept.includes(Math.floor(expert / size)));
  }
  const experts = best(open, (expert) => ranked[expert], topK);
  const total = experts.reduce((sum, expert) => sum + scores[expert], 0);
  return { experts, weights: experts.map((expert) => scores[expert] / total) };
}
