/**
 * What was measured of the kernels of a machine of GPUs: how long copies of tokens take to travel, and experts to compute.
 *
 * Times are those of the GPU that has most to do. Every kernel has a floor that it takes with no work at all, and rates.
 * lib/performance/collective.ts and lib/performance/expert-compute.ts say how they make a time.
 */
export interface GpuKernels {
  /** Streaming multiprocessors (or compute units) of a GPU. */
  readonly computeUnits: number;
  /** Each GPU's own network adapter, each direction. */
  readonly adapterBytesPerNs: number;
  /** How many times longer normal kernels take while experts or attention compute beside them; at least 1. */
  readonly overlapSlowdown: number;
  /**
   * Share of its compute that a GPU loses while copies travel beside experts or attention, in [0, 1); none by default. The
   * compute units that send, receive and forward copies multiply nothing meanwhile.
   */
  readonly unitShare?: { readonly normal: number; readonly lowLatency: number };
  /** One copy for each chosen expert, with no sharing: low-latency kernels, for decode. */
  readonly lowLatency: BothWays<LowLatencyKernel>;
  /** One copy for each GPU that a token visits, for prefill and training: normal kernels in one server. */
  readonly normal: BothWays<CopyKernel>;
  /** One copy for each server that a token visits, forwarded inside: normal kernels over several servers. */
  readonly acrossServers: BothWays<NetworkKernel>;
  /** Kernels on a fabric that joins many trays: one copy for each GPU that a token visits. */
  readonly fabric?: FabricKernels;
  /** Collectives that send the same to everyone whatever the placement. */
  readonly collectives: {
    readonly allToAll: CollectiveKernel;
    readonly allGather: CollectiveKernel;
    readonly reduceScatter: CollectiveKernel;
  };
  readonly experts: {
    /** Grouped products over a fixed grid of experts, for few rows. */
    readonly decode: ExpertKernel;
    /** Grouped products over rows sorted by expert, for many rows. */
    readonly prefill: ExpertKernel;
    /** The fused kernels of TensorRT-LLM, for any number of rows. */
    readonly fused: ExpertKernel;
    /** Products of 4-bit numbers where the GPU multiplies them; elsewhere they run as 8-bit ones do. */
    readonly fourBit?: ExpertKernel;
  };
}

/** All-to-all on one NVLink fabric, without a handshake and with one. */
export interface FabricKernels {
  readonly oneSided: BothWays<CopyKernel>;
  readonly twoSided: BothWays<CopyKernel> & {
    /** Before dispatch: tells everyone what will come. */
    readonly prepare: CopyKernel;
    /** Combine that sends 4 bits a value and scales. */
    readonly lowPrecisionCombine: CopyKernel;
  };
}

/** A kernel on the way to the experts, and on the way back. */
export interface BothWays<T> {
  readonly dispatch: T;
  readonly combine: T;
}

/** Sends one copy for each chosen expert. */
export interface LowLatencyKernel {
  /** Before the first token, in one server. */
  readonly floorNs: number;
  /** What every expert of the model adds to the floor: its count is told to all. */
  readonly floorNsPerExpert: number;
  /** Reached between GPUs of a server. */
  readonly linkBytesPerNs: number;
  /** What a compute unit does with one token before it can be sent, and with one of its bytes. */
  readonly tokenNs: number;
  readonly tokenNsPerByte: number;
  /** What a compute unit does with one byte of a copy. */
  readonly copyNsPerByte: number;
  /** See `overlapped` of lib/performance/overlapped.ts; so are all exponents here. */
  readonly overlap: number;
  /** Before the first token, over several servers. */
  readonly networkFloorNs: number;
  /** Reached by each GPU's own adapter. */
  readonly networkBytesPerNs: number;
  readonly networkOverlap: number;
}

/** Sends one copy for each GPU that a token visits. */
export interface CopyKernel {
  readonly floorNs: number;
  /** What a longer token adds to the floor, a byte of it and of each of its copies. */
  readonly floorNsPerByte: number;
  /** What each GPU that a token goes to adds to the floor; none by default. */
  readonly floorNsPerCopy?: number;
  /** What each doubling of the GPUs adds to the floor. */
  readonly floorNsPerDoubling: number;
  /** Handling a token, whoever it is for and however long, while copies travel. */
  readonly tokenNs: number;
  /** Reading a byte of a token. */
  readonly readNsPerByte: number;
  /** A token, and one copy of it to another GPU, however long. */
  readonly copyNs: number;
  readonly linkBytesPerNs: number;
  readonly overlap: number;
  /** Share of the links' time that each doubling of the GPUs beyond 8 adds. */
  readonly fanOut: number;
  /** Compute units that it was measured with; reading and copying take as much longer with fewer. */
  readonly computeUnits: number;
}

/** Sends one copy for each server that a token visits; the GPU that gets it forwards it inside. */
export interface NetworkKernel {
  /** With no token; telling everyone what will come is in it. */
  readonly floorNs: number;
  /** Reached by each GPU's own adapter. */
  readonly networkBytesPerNs: number;
  /** Bytes that one compute unit can forward inside its server. */
  readonly unitBytesPerNs: number;
  /** Bytes that a GPU can forward inside its server with any number of compute units. */
  readonly forwardBytesPerNs: number;
  /** Tokens of a GPU with which half of the shorter of sending and forwarding is beside the longer; above 0. */
  readonly pipelineTokens: number;
}

/** The faster of two protocols: one for short messages, one for long ones. */
export interface CollectiveKernel {
  readonly shortNs: number;
  readonly shortBytesPerNs: number;
  readonly longNs: number;
  readonly longBytesPerNs: number;
  /** A GPU's own part, which does not travel. */
  readonly ownBytesPerNs: number;
  /** What every other GPU adds to the floor of both. */
  readonly peerNs: number;
}

/** Computes the experts of one GPU, one grouped product after another. */
export interface ExpertKernel {
  /** With no row, on the GPU. */
  readonly floorNs: number;
  /** Preparing launches on the host, at the same time. */
  readonly hostNs: number;
  /** An expert without rows, of n on a GPU: idleExpertNs / n^idleExponent, and no more than one with a row. Default exponent 0. */
  readonly idleExpertNs: number;
  readonly idleExponent?: number;
  /** Reached when weights are read. */
  readonly memoryBytesPerNs: number;
  /** Reached on whole tiles of rows; a multiply-accumulate is two. */
  readonly flopPerNs: number;
  /** An expert's rows are filled up to a multiple of this. */
  readonly tileRows: number;
  readonly overlap: number;
  /** Moving a byte of every token that arrives or passes by, and of every row of an expert. */
  readonly tokenNsPerByte: number;
  readonly rowNsPerByte: number;
}
