import * as z from "zod";

/**
 * The schema of a machine's measured kernels, from the schema of a constant.
 *
 * @param amount A constant of at least 0, with or without its source.
 */
export function kernelSchema<T extends z.ZodType>(amount: T) {
  const constants = <const N extends readonly string[]>(...names: N) =>
    z.strictObject(Object.fromEntries(names.map((name) => [name, amount])) as Record<N[number], T>);
  const bothWays = <K extends z.ZodType>(kernel: K) => z.strictObject({ dispatch: kernel, combine: kernel });
  const lowLatency = constants(
    "floorNs",
    "floorNsPerExpert",
    "linkBytesPerNs",
    "tokenNs",
    "tokenNsPerByte",
    "copyNsPerByte",
    "overlap",
    "networkFloorNs",
    "networkBytesPerNs",
    "networkOverlap",
  );
  const copies = constants(
    "floorNs",
    "floorNsPerByte",
    "floorNsPerDoubling",
    "tokenNs",
    "readNsPerByte",
    "copyNs",
    "linkBytesPerNs",
    "overlap",
    "fanOut",
    "computeUnits",
  ).extend({ floorNsPerCopy: amount.exactOptional() });
  const network = constants(
    "floorNs",
    "networkBytesPerNs",
    "unitBytesPerNs",
    "forwardBytesPerNs",
    "pipelineTokens",
  );
  const collective = constants(
    "shortNs",
    "shortBytesPerNs",
    "longNs",
    "longBytesPerNs",
    "ownBytesPerNs",
    "peerNs",
  );
  const experts = constants(
    "floorNs",
    "hostNs",
    "idleExpertNs",
    "memoryBytesPerNs",
    "flopPerNs",
    "tileRows",
    "overlap",
    "tokenNsPerByte",
    "rowNsPerByte",
  ).extend({ idleExponent: amount.exactOptional() });
  return z.strictObject({
    computeUnits: amount,
    adapterBytesPerNs: amount,
    overlapSlowdown: amount,
    unitShare: constants("normal", "lowLatency").exactOptional(),
    lowLatency: bothWays(lowLatency),
    normal: bothWays(copies),
    acrossServers: bothWays(network),
    fabric: z
      .strictObject({
        oneSided: bothWays(copies),
        twoSided: z.strictObject({
          dispatch: copies,
          combine: copies,
          prepare: copies,
          lowPrecisionCombine: copies,
        }),
      })
      .exactOptional(),
    collectives: z.strictObject({ allToAll: collective, allGather: collective, reduceScatter: collective }),
    experts: z.strictObject({
      decode: experts,
      prefill: experts,
      fused: experts,
      fourBit: experts.exactOptional(),
    }),
  });
}
