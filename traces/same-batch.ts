import { createHash } from "node:crypto";
import { basename } from "node:path";
import { denseTensor, rowMajorStrides, sizeOf, type Tensor } from "../lib/containers/tensor.js";

/**
 * Answers, for the files of several ranks, whether they recorded the same tokens or each its own.
 *
 * Under plain tensor parallelism all ranks compute all tokens, and every one records them; under data-parallel attention
 * or expert-parallel training, every rank has tokens of its own. No engine writes down which it was, but the files tell:
 * what two ranks recorded at the same step, tokens or loads, is equal or it is not. Equal parts are one batch and count once.
 */
export class SameBatch {
  /** The rank that recorded a part first, by step and content. */
  readonly #firstRank = new Map<string, string>();
  readonly #repeatedIn = new Set<string>();
  /** Steps of loads so far, by who recorded them. */
  readonly #numSteps = new Map<string, number>();
  #numParts = 0;
  #numRepeated = 0;

  /**
   * Takes what a rank recorded at a step.
   *
   * @param rank Whose file it is.
   * @param step All that tells the part from others of the same rank.
   * @param content Ids or loads.
   * @returns Whether another rank recorded the very same.
   */
  isRepeat(rank: string, step: string, content: readonly (Tensor | Uint8Array)[]): boolean {
    const hash = createHash("sha1").update(`${step}\n`);
    for (const part of content) {
      if (part instanceof Uint8Array) hash.update(part);
      else hash.update(`${part.shape.join()}\n`).update(bytesOf(part));
    }
    const key = hash.digest("base64");
    this.#numParts++;
    const first = this.#firstRank.get(key) ?? rank;
    this.#firstRank.set(key, first);
    if (first === rank) return false;
    this.#numRepeated++;
    this.#repeatedIn.add(rank);
    return true;
  }

  /** Whether another rank recorded the very same loads, of which some are above 0, at its step of the same number. */
  isRepeatedStep(rank: string, layers: readonly (readonly [layer: number, load: Float64Array])[]): boolean {
    const step = this.#numSteps.get(rank) ?? 0;
    this.#numSteps.set(rank, step + 1);
    if (layers.every(([, load]) => load.every((tokens) => tokens === 0))) return false;
    const ids = denseTensor(
      [layers.length],
      Float64Array.from(layers, ([layer]) => layer),
    );
    const loads = layers.map(([, load]) => denseTensor([load.length], load));
    return this.isRepeat(rank, `loads ${step}`, [ids, ...loads]);
  }

  /** Whether a file has recordings, nothing but such or among others, that another rank's has. */
  hasRepeats(file: string): boolean {
    return [...this.#repeatedIn].some((rank) => rank.startsWith(file));
  }

  /** Says what was counted once; empty where every rank has tokens of its own. */
  get warnings(): string[] {
    if (this.#numRepeated === 0) return [];
    const [first] = this.#repeatedIn;
    const files =
      this.#repeatedIn.size === 1
        ? basename(first)
        : `${basename(first)} and ${this.#repeatedIn.size - 1} more files`;
    return [
      `${this.#numRepeated} of ${this.#numParts} recordings are the same as another rank's at the same step ` +
        `(${files}): ranks that computed the same batch, which was counted once`,
    ];
  }
}

function bytesOf({ shape, strides, start, values }: Tensor): Uint8Array {
  const size = sizeOf({ shape });
  const isDense = rowMajorStrides(shape).every((stride, dimension) => stride === strides[dimension]);
  const dense = isDense ? values.subarray(start, start + size) : gather({ shape, strides, start, values });
  return new Uint8Array(dense.buffer, dense.byteOffset, dense.byteLength);
}

/** The numbers of a tensor of any strides, the last dimension the fastest. */
function gather({ shape, strides, start, values }: Tensor): Float64Array {
  const steps = rowMajorStrides(shape);
  return Float64Array.from({ length: sizeOf({ shape }) }, (_, index) => {
    let at = start;
    for (let dimension = 0, rest = index; dimension < shape.length; dimension++) {
      at += Math.floor(rest / steps[dimension]) * strides[dimension];
      rest %= steps[dimension];
    }
    return values[at];
  });
}
