import { InputError } from "../errors.js";
import { DEFAULT_LIMITS } from "../plausible-size.js";
import { isConstant, type Constant, type Sourced } from "./constant.js";
import type { GpuKernels } from "./kernels.js";

export type { Constant, Trust } from "./constant.js";

/** Which operand a systolic array holds still while the other two stream through. */
export type Dataflow = "weight stationary" | "input stationary" | "output stationary";

/** A die of tiles with systolic arrays, every tile with its own SRAM. */
export interface SystolicCompute {
  readonly kind: "systolic";
  readonly tiles: Constant;
  readonly arraysPerTile: Constant;
  readonly rows: Constant;
  readonly columns: Constant;
  readonly clockGhz: Constant;
  readonly dataflow: Dataflow;
  readonly sramBytesPerTile: Constant;
  readonly sramBytesPerNsPerTile: Constant;
  /** Multiply-accumulates at FP8 for each one at 16 bits. */
  readonly fp8Speedup: Constant;
  /** Share of the modelled rate that is reached: what softmax, normalisation and control leave of it, in (0, 1]. */
  readonly efficiency: Constant;
}

/** A processor known by its peaks: time is the larger of operations / rate and bytes / bandwidth. */
export interface RooflineCompute {
  readonly kind: "roofline";
  /** Dense 16-bit operations; a multiply-accumulate is two. */
  readonly flopPerNs: Constant;
  readonly memoryBytesPerNs: Constant;
  /** Memory on the die, shared by all of it. */
  readonly sramBytes: Constant;
  /** Operations at FP8 for each one at 16 bits. */
  readonly fp8Speedup: Constant;
  /** Share of the peaks that is reached, in (0, 1]. */
  readonly efficiency: Constant;
}

export type Compute = SystolicCompute | RooflineCompute;

/** A memory that holds expert weights, and its bandwidth. */
export interface Memory {
  readonly bytes: Constant;
  readonly bytesPerNs: Constant;
  readonly pjPerBit: Constant;
}

/** One link of a class; full duplex, so the bandwidth holds in each direction. */
export interface Link {
  readonly bytesPerNs: Constant;
  /** One hop: transmitter, wire, receiver and the router behind it. */
  readonly latencyNs: Constant;
  readonly pjPerBit: Constant;
}

/**
 * A machine of chiplets in chiplet groups, as plain data: a two-level tree of links, or a mesh.
 *
 * A root (the attention chiplet, or the fabric between servers) has one link to the switch of every chiplet group,
 * and every switch one link to each of its chiplets. GPUs are chiplets, and a server of GPUs is a chiplet group.
 */
export interface Hardware {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  readonly numGroups: number;
  readonly chipletsPerGroup: number;
  /**
   * Where tokens are before dispatch: on a root chiplet that owns no expert, so that every copy crosses links, or
   * on all the chiplets, each token with equal chance on each of them.
   */
  readonly tokensStart: "root" | "everywhere";
  /** Whether a switch copies a token to several of its chiplets, and sums their results on the way back. */
  readonly multicast: boolean;
  /** Compute of one expert chiplet. */
  readonly chiplet: Compute;
  /** Compute of the root chiplet, which does attention and shared experts; unused where tokens start everywhere. */
  readonly root: Compute;
  /** Whether expert weights stream from memory through the chiplet links for every layer, or stay with the chiplet. */
  readonly weights: "streamed" | "resident";
  readonly memory: Memory & {
    /** Whether the chiplets of a group share the memory, which then serves one at a time, or each has its own. */
    readonly of: "chiplet group" | "chiplet";
    /**
     * How it works with the link of the chiplet it serves: at once, at the rate of the slower, or in turn, so that
     * the next transfer waits until both are done with this one.
     */
    readonly forwarding: "at once" | "in turn";
  };
  /** Memory of the root chiplet, where activations are saved; unused where tokens start everywhere. */
  readonly rootMemory: Memory;
  readonly links: {
    /** Between the root and the switch of a chiplet group. */
    readonly root: Link;
    /** Between a switch and a chiplet. */
    readonly chiplet: Link;
  };
  /**
   * Where the chiplets are no tree but a mesh, row by row, every one joined to its neighbours by a chiplet link: tokens go
   * along the row and then the column (XY). A mesh has one chiplet group, and its root link is unused.
   */
  readonly mesh?: {
    /** Chiplets of a row; divides the chiplets. */
    readonly columns: number;
    /** Of the port through which a chiplet's own tokens enter and leave, in each direction. */
    readonly portBytesPerNs: Constant;
  };
  /** Measured kernels, where the chiplets are GPUs. */
  readonly kernels?: Sourced<GpuKernels>;
  readonly energy: {
    /** One multiply-accumulate at 16 bits; at FP8 half of it. */
    readonly macPj: Constant;
    readonly sramPjPerByte: Constant;
    /** Power drawn whatever happens, of the whole machine with all of its chiplets. */
    readonly staticWatts: Constant;
  };
}

/**
 * The same machine with another number of chiplets or chiplet groups; all else stays as it is for each of them.
 *
 * A wafer keeps its chiplet groups, each with more or fewer chiplets, and its static power, which is that of a whole package.
 * Servers of GPUs stay whole: there are more or fewer of them, or part of one. A mesh keeps its columns. GPUs and chips of a
 * mesh are devices of their own, so that their static power goes with their number.
 *
 * @throws InputError if the chiplets do not divide into the groups, or are more than experts may be.
 *
 * @example
 * withChiplets(findHardware("mozart-qwen3"), { numChiplets: 8 }).chipletsPerGroup; // 2, in 4 groups
 * withChiplets(findHardware("h100-8x8"), { numChiplets: 32 }).numGroups; // 4 servers of 8
 */
export function withChiplets(
  hardware: Hardware,
  {
    numChiplets,
    numGroups,
  }: {
    numChiplets?: number;
    /** Default as many as the machine has, of servers as many as hold the chiplets. */
    numGroups?: number;
  },
): Hardware {
  const standing = hardware.numGroups * hardware.chipletsPerGroup;
  const { mesh } = hardware;
  checkChiplets("machine", numChiplets ?? standing);
  if (mesh) return withRows({ ...hardware, mesh }, numChiplets ?? standing, numGroups);
  const areServers = hardware.tokensStart === "everywhere";
  const total = numChiplets ?? (areServers && numGroups ? numGroups * hardware.chipletsPerGroup : standing);
  const serversFor = Math.max(1, total / hardware.chipletsPerGroup);
  const groups = numGroups ?? (areServers ? serversFor : hardware.numGroups);
  if (!Number.isInteger(groups) || !(groups >= 1) || !(total >= 1) || total % groups !== 0) {
    const found =
      numGroups === undefined && areServers ? `servers of ${hardware.chipletsPerGroup}` : undefined;
    throw new InputError(
      `chiplets: found ${total} in ${found ?? `${groups} groups`}, expected groups of equal size`,
      sizesAdvice(total, found === undefined ? groups : hardware.chipletsPerGroup),
    );
  }
  checkChiplets("machine", total);
  const resized = { ...hardware, numGroups: groups, chipletsPerGroup: total / groups };
  return areServers ? withStaticPower(resized, standing) : resized;
}

/**
 * @param numChiplets Of the whole machine.
 * @throws InputError if no machine has as many: more than any model that is read has experts.
 */
export function checkChiplets(where: string, numChiplets: number): void {
  const { maxExperts: most } = DEFAULT_LIMITS;
  if (numChiplets <= most) return;
  throw new InputError(`${where}: found ${numChiplets} chiplets, expected at most ${most}`);
}

/** Which numbers of groups divide the chiplets, and which numbers of chiplets go into groups of the machine. */
function sizesAdvice(total: number, unit: number): string {
  const divisors = Array.from({ length: Math.min(total, 64) }, (_, at) => at + 1).filter(
    (groups) => total % groups === 0,
  );
  const below = unit * Math.floor(total / unit);
  const sizes = [below, below + unit].filter((size) => size > 0 && Number.isInteger(size));
  return `Maybe pass chiplets ${sizes.join(" or ")}, or pass numGroups ${divisors.slice(0, 8).join(", ")}.`;
}

/** A mesh keeps its columns, and has more or fewer rows. */
function withRows(
  hardware: Hardware & Required<Pick<Hardware, "mesh">>,
  numChiplets: number,
  numGroups = 1,
): Hardware {
  const { columns } = hardware.mesh;
  if (numGroups !== 1 || !(numChiplets >= 1) || numChiplets % columns !== 0) {
    throw new InputError(
      `chiplets: found ${numChiplets} in ${numGroups} groups, expected one group of whole rows of ${columns}, as on ${hardware.name}`,
      "Maybe change mesh.columns in a file of the machine.",
    );
  }
  return withStaticPower({ ...hardware, chipletsPerGroup: numChiplets }, hardware.chipletsPerGroup);
}

/** The same machine, whose devices were `standing` before, with their static power as they are now. */
function withStaticPower(hardware: Hardware, standing: number): Hardware {
  const numChiplets = hardware.numGroups * hardware.chipletsPerGroup;
  if (numChiplets === standing) return hardware;
  const { staticWatts } = hardware.energy;
  const value = (staticWatts.value * numChiplets) / standing;
  return { ...hardware, energy: { ...hardware.energy, staticWatts: { ...staticWatts, value } } };
}

/** Every constant of a machine by its path, for instance `links.root.bytesPerNs`, in a fixed order. */
export function listConstants(hardware: Hardware): { path: string; constant: Constant }[] {
  const found: { path: string; constant: Constant }[] = [];
  const visit = (value: unknown, path: string) => {
    if (isConstant(value)) found.push({ path, constant: value });
    else if (typeof value === "object" && value !== null) {
      for (const [name, part] of Object.entries(value)) visit(part, path ? `${path}.${name}` : name);
    }
  };
  visit(hardware, "");
  return found;
}
