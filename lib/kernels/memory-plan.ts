/** Vectors begin where a multiple of their bytes does. */
const VECTOR_BYTES = 16;

/** Lays arrays out in the memory of a kernel, one behind the other. */
export class MemoryPlan {
  /** Bytes that are taken so far. */
  numBytes = 0;

  /**
   * Takes room for an array.
   *
   * @returns Its address.
   */
  take(length: number, bytesEach: number): number {
    const address = this.numBytes;
    this.numBytes += Math.ceil((length * bytesEach) / VECTOR_BYTES) * VECTOR_BYTES;
    return address;
  }
}
