import { largest } from "../statistics.js";
import type { StageTimes } from "./stages.js";

/**
 * Time of a step of one layer of inference on GPUs that start their kernels in order, in nanoseconds: that of its schedule, a chunk a
 * micro-batch. Time O(GPUs * micro-batches).
 *
 * @param stages Of one micro-batch; links of chiplet groups take no time.
 * @param unitShare Share of its compute that an exchange takes from a GPU.
 */
export function kernelLayerNs(
  stages: Pick<StageTimes, "attentionNs" | "sharedNs" | "dispatch" | "combine" | "expertsNs">,
  { microBatches, unitShare }: { readonly microBatches: number; readonly unitShare: number },
): number {
  const { attentionNs, sharedNs, expertsNs, dispatch, combine } = stages;
  const longestNs = largest(dispatch.chipletNs, 0);
  // A micro-batch alone has its shared experts beside its dispatch, several after all experts.
  const isAlone = microBatches === 1;
  const attendedNs = microBatches * attentionNs + (isAlone ? sharedNs : 0);
  const sharedLastNs = isAlone ? 0 : microBatches * sharedNs;
  /** When a GPU, or the last of them, has dispatched so many micro-batches. */
  const dispatchedNs = (count: number, ns: number) =>
    Math.max(count * attentionNs + ns, attentionNs + count * ns);
  let endNs = 0;
  for (let gpu = 0; gpu < expertsNs.length; gpu++) {
    const [outNs, backNs] = [dispatch.chipletNs[gpu], combine.chipletNs[gpu]];
    const ownNs = expertsNs[gpu] + unitShare * (outNs + backNs);
    let computedNs = attendedNs;
    let returnedNs = dispatchedNs(microBatches, outNs);
    for (let count = 1; count <= microBatches; count++) {
      computedNs = Math.max(computedNs, dispatchedNs(count, longestNs)) + ownNs;
      returnedNs = Math.max(returnedNs, computedNs) + backNs;
    }
    endNs = Math.max(endNs, returnedNs, computedNs + sharedLastNs);
  }
  return endNs;
}
