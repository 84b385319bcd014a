import type { Chiplets } from "../../lib/placement/placement.js";
import type { PlacementProblem } from "../../lib/placement/problem.js";
import type { LayerTraffic } from "../../lib/placement/traffic.js";
import { SwapTraffic, type Swap, type Swappable } from "./swap-traffic.js";

/**
 * The traffic of all layers of a step under swaps, without replicas: to a search one placement, on the chiplets of all layers side by
 * side. Chiplet c of layer l is number l * numChiplets + c, and slots are numbered alike.
 *
 * Problems have as many chiplets, and as many slots on each.
 */
export class StepTraffic implements Swappable {
  readonly traffic: LayerTraffic;
  readonly slots: number;
  /** Of every layer. */
  readonly layers: readonly SwapTraffic[];
  readonly #numChiplets: number;
  readonly #expertLoad: (readonly number[])[];
  /** Layer of the swap at hand. */
  #tried = 0;

  constructor(problems: readonly PlacementProblem[]) {
    this.layers = problems.map((problem) => new SwapTraffic(problem.patterns, problem.load, problem));
    const [{ slots, traffic }] = this.layers;
    this.slots = slots;
    this.#numChiplets = traffic.numChiplets;
    const numChiplets = problems.length * traffic.numChiplets;
    this.#expertLoad = Array.from({ length: numChiplets }, () => []);
    this.traffic = {
      ...traffic,
      numChiplets,
      chipletLoad: new Float64Array(numChiplets),
      chipletTokens: new Float64Array(numChiplets),
      groupTokens: new Float64Array(problems.length * traffic.groupTokens.length),
      expertLoad: this.#expertLoad,
    };
  }

  get expertOf(): Int32Array {
    return Int32Array.from(this.layers.flatMap(({ expertOf }) => [...expertOf]));
  }

  place(chiplets: Chiplets): void {
    this.layers.forEach((layer, index) => {
      layer.place(chiplets.slice(index * this.#numChiplets, (index + 1) * this.#numChiplets));
      this.#tell(index);
    });
  }

  try(swap: Swap): void {
    const layer = this.layerOf(swap);
    this.#tried = layer;
    this.layers[layer].try(this.within(layer, swap));
    this.#tell(layer);
  }

  keep(): void {
    this.layers[this.#tried].keep();
  }

  undo(): void {
    this.layers[this.#tried].undo();
    this.#tell(this.#tried);
  }

  chiplets(): number[][] {
    return this.layers.flatMap((layer) => layer.chiplets());
  }

  chipletsOf({ of, a, b }: Swap): readonly [number, number] {
    return of === "chiplets" ? [a, b] : [Math.floor(a / this.slots), Math.floor(b / this.slots)];
  }

  layerOf(swap: Swap): number {
    return Math.floor(this.chipletsOf(swap)[0] / this.#numChiplets);
  }

  /** A swap of the step as its layer numbers it. */
  within(layer: number, swap: Swap): Swap {
    return this.#shifted(swap, -layer);
  }

  /** A swap of a layer as the step numbers it. */
  among(layer: number, swap: Swap): Swap {
    return this.#shifted(swap, layer);
  }

  #shifted({ of, a, b }: Swap, layers: number): Swap {
    const by = layers * this.#numChiplets * (of === "slots" ? this.slots : 1);
    return { of, a: a + by, b: b + by };
  }

  /** Copies a layer's traffic to where that of all layers has it. */
  #tell(index: number): void {
    const { traffic } = this.layers[index];
    const [first, firstGroup] = [index * this.#numChiplets, index * traffic.groupTokens.length];
    this.traffic.chipletLoad.set(traffic.chipletLoad, first);
    this.traffic.chipletTokens.set(traffic.chipletTokens, first);
    this.traffic.groupTokens.set(traffic.groupTokens, firstGroup);
    traffic.expertLoad.forEach((loads, chiplet) => {
      this.#expertLoad[first + chiplet] = loads;
    });
  }
}
