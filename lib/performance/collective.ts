/**
 * Time of one exchange of tokens between GPUs: dispatch to the experts, or combine on the way back.
 *
 * All are times of the GPU with most to send or receive, for its own tokens and copies. Constants are measured; the forms
 * are what the kernels do. docs/gpu-model.md says how near they come to what was measured.
 */
import type { CollectiveKernel, CopyKernel, LowLatencyKernel, NetworkKernel } from "../hardware/kernels.js";
import { overlapped } from "./overlapped.js";

/** What a GPU sends, or receives. */
export interface Exchange {
  /** Tokens of the GPU. */
  readonly tokens: number;
  /** A token on the wire with its scales and headers. */
  readonly bytesPerCopy: number;
  /** GPUs that take part. */
  readonly numGpus: number;
}

/** An exchange with one copy for each chosen expert. */
export interface LowLatencyExchange extends Exchange {
  readonly topK: number;
  readonly numExperts: number;
  /** GPUs that reach each other without the network. */
  readonly gpusPerServer: number;
  /** Compute units of the GPU. */
  readonly computeUnits: number;
  /** Copies that its compute units send, or receive, wherever they go; default one for every chosen expert. */
  readonly copies?: number;
  /** Copies to GPUs of the same server; default as many as with experts chosen at random. */
  readonly linkCopies?: number;
  /** Copies to other servers; default as many as with experts chosen at random. */
  readonly networkCopies?: number;
}

/**
 * Low-latency kernels: every chosen expert gets a copy of its own, so placement matters by the hottest GPU alone.
 *
 * One server: overlapped(floor, link, compute units). Several: overlapped(floor, the slower of adapter and link).
 * Experts share the compute units out: numExperts / ceil(numExperts / units) of them send, which is few where experts are.
 * The floor has one token on one compute unit in it.
 */
export function lowLatencyNs(kernel: LowLatencyKernel, exchange: LowLatencyExchange): number {
  const { tokens, topK, bytesPerCopy, numExperts, numGpus, gpusPerServer, computeUnits } = exchange;
  const numInside = Math.min(numGpus, gpusPerServer);
  const chosen = tokens * topK;
  const { copies = chosen } = exchange;
  const { linkCopies = (chosen * (numInside - 1)) / numGpus } = exchange;
  const { networkCopies = chosen * (1 - numInside / numGpus) } = exchange;
  const linkNs = (linkCopies * bytesPerCopy) / kernel.linkBytesPerNs;
  const sending = Math.ceil(numExperts / Math.ceil(numExperts / computeUnits));
  const tokenNs = kernel.tokenNs + bytesPerCopy * kernel.tokenNsPerByte;
  const copyNs = bytesPerCopy * kernel.copyNsPerByte;
  const unitNs = (tokens * tokenNs + copies * copyNs) / sending;
  // However few tokens there are, one compute unit works on a whole one.
  const firstNs = numExperts * kernel.floorNsPerExpert + tokenNs + topK * copyNs;
  if (numGpus <= gpusPerServer) {
    return overlapped(kernel.overlap, kernel.floorNs + firstNs, linkNs, unitNs);
  }
  const networkNs = (networkCopies * bytesPerCopy) / kernel.networkBytesPerNs;
  return overlapped(
    kernel.networkOverlap,
    kernel.networkFloorNs + firstNs,
    Math.max(networkNs, linkNs, unitNs),
  );
}

/** An exchange with one copy for each GPU that a token visits. */
export interface CopyExchange extends Exchange {
  /** Copies to other GPUs, of all tokens: tokens x (distinct GPUs of a token but its own). */
  readonly copies: number;
  /** Compute units that the kernel may take; default as many as it was measured with. */
  readonly computeUnits?: number;
}

/**
 * Normal kernels in one server, and kernels on a fabric: one copy for each GPU that a token visits.
 *
 * overlapped(floor, overlapped(tokens x handling, tokens x reading + (tokens + copies) x copying + copies x bytes / link)); links
 * reach less by fanOut for each doubling of the GPUs beyond 8. The floor grows with the GPUs that a token goes to: they are told, or asked,
 * one after another.
 *
 * @example
 * // h100-8x8, 4096 tokens of DeepSeek-V3 in FP8, 4.633 copies of each: 0.5 ms
 * copyNs(kernels.normal.dispatch, { tokens: 4096, copies: 4096 * 4.633, bytesPerCopy: 7392, numGpus: 8 });
 */
export function copyNs(kernel: CopyKernel, exchange: CopyExchange): number {
  const { tokens, copies, bytesPerCopy, numGpus, computeUnits = kernel.computeUnits } = exchange;
  const slower = kernel.computeUnits / computeUnits;
  const workNs = slower * (tokens * bytesPerCopy * kernel.readNsPerByte + (tokens + copies) * kernel.copyNs);
  const spread = 1 + kernel.fanOut * Math.max(0, Math.log2(numGpus / 8));
  const linkNs = (spread * copies * bytesPerCopy) / kernel.linkBytesPerNs;
  const copiesOfToken = tokens === 0 ? 0 : copies / tokens;
  const bytesOfToken = tokens === 0 ? 0 : bytesPerCopy * (1 + copiesOfToken);
  const floorNs =
    kernel.floorNs +
    bytesOfToken * kernel.floorNsPerByte +
    copiesOfToken * (kernel.floorNsPerCopy ?? 0) +
    Math.log2(numGpus) * kernel.floorNsPerDoubling;
  const sentNs = overlapped(HANDLING_OVERLAP, slower * tokens * kernel.tokenNs, workNs + linkNs);
  return overlapped(kernel.overlap, floorNs, sentNs);
}

/** Some threads handle tokens while others send. */
const HANDLING_OVERLAP = 3;

/** An exchange with one copy for each server that a token visits, forwarded inside. */
export interface NetworkExchange extends Exchange {
  /** Copies to other servers, of all tokens: tokens x (distinct servers of a token but its own). */
  readonly networkCopies: number;
  /** Copies that the GPU forwards to other GPUs of its server, of all that it got from the network and of its own. */
  readonly forwardedCopies: number;
  readonly computeUnits: number;
}

/**
 * Normal kernels over several servers: floor + sending and forwarding, one after the other with few tokens, beside each other with many.
 *
 * Copies go through the GPU's own adapter, and are forwarded inside by its compute units, or as fast as links let them. The stages
 * pass tokens on in blocks: a batch smaller than a block is in one stage after the other, of more tokens the stages overlap, all but
 * pipelineTokens / (tokens + pipelineTokens) of it. Convex in both volumes, as a mean of a norm and a sum is.
 */
export function networkNs(kernel: NetworkKernel, exchange: NetworkExchange): number {
  const { tokens, networkCopies, forwardedCopies, bytesPerCopy, computeUnits } = exchange;
  const wireNs = (networkCopies * bytesPerCopy) / kernel.networkBytesPerNs;
  const forwardBytesPerNs = Math.min(kernel.unitBytesPerNs * computeUnits, kernel.forwardBytesPerNs);
  const forwardNs = (forwardedCopies * bytesPerCopy) / forwardBytesPerNs;
  const alone = kernel.pipelineTokens / (tokens + kernel.pipelineTokens);
  return kernel.floorNs + (1 - alone) * overlapped(8, wireNs, forwardNs) + alone * (wireNs + forwardNs);
}

/**
 * A collective of everyone with everyone, whatever the placement: about the faster of its two protocols, and slower than its links
 * alone as a GPU talks to every other one and copies its own part in its memory.
 *
 * overlapped(-8, short floor + moved / rate, long floor + moved / link + own / memory), each with what every peer adds.
 *
 * @param bytes All bytes that a GPU ends (or begins) with, of which 1 / numGpus are its own.
 */
export function collectiveNs(kernel: CollectiveKernel, bytes: number, numGpus: number): number {
  const own = bytes / numGpus;
  const moved = bytes - own;
  const peersNs = (numGpus - 1) * kernel.peerNs;
  return overlapped(
    FASTER,
    kernel.shortNs + peersNs + moved / kernel.shortBytesPerNs,
    kernel.longNs + peersNs + moved / kernel.longBytesPerNs + own / kernel.ownBytesPerNs,
  );
}

/** The shorter of two times, and a little less where they are alike: in between NCCL mixes what it does. */
const FASTER = -8;
