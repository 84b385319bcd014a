import type { Hardware } from "../hardware/hardware.js";
import type { Placement } from "../placement/placement.js";
import type { TokenPatterns } from "../trace/token-patterns.js";
import type { KnownModelLayers, ModelLayers } from "../hardware/model-layers.js";

/** Options of every export. */
export interface ExportOptions extends KnownModelLayers {
  /** Fill empty slots with replicas of the busiest experts, for engines that need equal slots. Default false. */
  fillEmpty?: boolean | undefined;
  /** Place the experts of MoE layers that have no placement in the order of their ids. Default false. */
  fillLayers?: boolean | undefined;
  /** Write the placement of this layer alone, in formats that hold one placement. Default the only layer. */
  layer?: number | undefined;
  /** Tokens that chose each expert, by layer: tells which experts are busiest. Each of shape [numExperts]. */
  loads?: ReadonlyMap<number, ArrayLike<number>> | undefined;
  /** Token patterns by layer, for formats that describe the instance and not its answer. */
  patterns?: ReadonlyMap<number, TokenPatterns> | undefined;
  /** The machine, for formats that describe it. */
  hardware?: Hardware | undefined;
  /** Class of the model as vLLM names it, such as DeepseekV3ForCausalLM, for files that name it. */
  modelClass?: string | undefined;
  /** The engine that is to load the file, where several take the format; default the first. */
  engine?: string | undefined;
  /** Version of the engine that is to load the file. */
  engineVersion?: string | undefined;
  /** Name of the file to be written, for the engine's command line. */
  fileName?: string | undefined;
  /** Write a file that the engine will not obey. Default false. */
  force?: boolean | undefined;
}

/** What the reader of a foreign file has to be told where the file does not say it. */
export interface ReadOptions extends KnownModelLayers {
  numExperts?: number | undefined;
  /** Chiplets, or EP ranks, over which the slots spread. */
  numChiplets?: number | undefined;
  /** Most experts on a chiplet, for files that do not say. */
  slotsPerChiplet?: number | undefined;
  model?: string | undefined;
}

/** Content of a file: its bytes and, where they are JSON, the value. */
export interface ForeignContent {
  readonly bytes: Uint8Array;
  /** Decoded as UTF-8, undefined where that fails. */
  readonly text: string | undefined;
  /** Undefined where the text is not JSON. */
  readonly json: unknown;
}

/** What an engine demands of a placement before it can be written in its format. */
export interface FormatNeeds {
  /** Every MoE layer of the model, without holes; or one placement, of one layer or the same for all. */
  readonly layers: "any" | "all" | "one";
  /** The same number of experts on every chiplet of every layer. */
  readonly equalSlots: boolean;
  /** As many experts on every chiplet as engines give a rank themselves: one more on the first where they do not divide. */
  readonly runs?: boolean;
  /** As many redundant experts on every chiplet, at least one, besides a run of as many ids on each. */
  readonly redundantEach?: boolean;
  /** Every expert just once. */
  readonly noReplicas: boolean;
  /** Experts get new ids, which the router has to take for the old ones. */
  readonly renumbers?: boolean;
  /** The machine, which a placement alone does not tell. */
  readonly machine?: boolean;
}

/** What a format is told besides the placement that it writes. */
export type WriteOptions = ExportOptions &
  ModelLayers & {
    /** Layers that had no placement and whose experts are in the order of their ids; default none. */
    readonly filledLayers?: readonly number[] | undefined;
  };

/** Told of every violation, one sentence each. */
export type Report = (violation: string) => void;

/** A file format for placements: how it is written, known by its content, and read back. */
export interface PlacementFormat {
  readonly name: string;
  /** One line for people who choose. */
  readonly summary: string;
  readonly extension: string;
  readonly needs: FormatNeeds;
  /** What an export asks for besides a placement of the model, for people; undefined if nothing. */
  asks?(model: string | undefined): string | undefined;
  /** Whether those who make such files put an expert twice on a chiplet, and serve it; it is counted once then. */
  readonly servesDoubles?: boolean;
  /** @param placement Fit for the format (see `fitEngine`): its layers complete, its slots equal, where needed. */
  write(
    placement: Placement & { readonly slotsPerChiplet: number },
    options: WriteOptions,
  ): string | Uint8Array | Promise<Uint8Array>;
  /** What is said of layers that were filled, given as text; default that their experts are in the order of their ids. */
  describeFilled?(layers: string): string;
  /** Whether other files look alike: traces of loads or tokens. */
  readonly mistakable?: boolean;
  /** @param options What is known of the model, where the content alone does not tell formats apart. */
  recognises(content: ForeignContent, options?: ReadOptions): boolean;
  /**
   * Reads the placement out of a file, as it stands: coverage, range and doubles are judged afterwards, alike for all.
   *
   * @param report Told of every violation of the format itself.
   * Absent where the file holds no placement but the instance to place.
   *
   * @returns Undefined where the file is too broken to hold a placement; something was reported then.
   */
  read?(
    content: ForeignContent,
    options: ReadOptions,
    report: Report,
  ): Placement | undefined | Promise<Placement | undefined>;
}
