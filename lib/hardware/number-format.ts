/** How numbers are stored and multiplied; FP16 and BF16 cost the same. */
export const NUMBER_FORMATS = ["fp16", "bf16", "fp8", "nvfp4", "mxfp4"] as const;
export type NumberFormat = (typeof NUMBER_FORMATS)[number];

/** Bits of a value, and bytes of scale that travel with so many values: 4 bytes for 128 at FP8, 1 for 16 or 32 at FP4. */
const STORED: Record<NumberFormat, { bits: number; scaleBytes: number; scaled: number }> = {
  fp16: { bits: 16, scaleBytes: 0, scaled: 1 },
  bf16: { bits: 16, scaleBytes: 0, scaled: 1 },
  fp8: { bits: 8, scaleBytes: 4, scaled: 128 },
  nvfp4: { bits: 4, scaleBytes: 1, scaled: 16 },
  mxfp4: { bits: 4, scaleBytes: 1, scaled: 32 },
};

/** Bytes of one number alone. */
export function formatBytes(format: NumberFormat): number {
  return STORED[format].bits / 8;
}

/**
 * Bytes of one number of a token, with its share of the scales.
 *
 * @example
 * 7168 * tokenBytes("fp8"); // 7392, as DeepEP sends DeepSeek-V3's tokens
 */
export function tokenBytes(format: NumberFormat): number {
  const { scaleBytes, scaled } = STORED[format];
  return formatBytes(format) + scaleBytes / scaled;
}

/** Bytes of one weight: scales of FP8 are for 128 x 128 blocks, too few to count. */
export function weightBytes(format: NumberFormat): number {
  return format === "fp8" ? 1 : tokenBytes(format);
}

/**
 * Whether products run at the rate of FP8. Those of 4 bits do too, but for experts on GPUs whose 4-bit products were
 * measured (`fourBit` of lib/hardware/kernels.ts).
 */
export function isNarrow(format: NumberFormat): boolean {
  return STORED[format].bits <= 8;
}
