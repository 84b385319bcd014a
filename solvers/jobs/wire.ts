/** Typed arrays that travel, by the name of their class. */
const ARRAYS = { Float64Array, Int32Array, Uint16Array, Uint32Array, Uint8Array };

type ArrayName = keyof typeof ARRAYS;

/** What stands for a value that JSON has no way to say: its key is no field of any value that travels. */
const TAG = "$moeplace";

/**
 * Writes a value as JSON that keeps what JSON loses: typed arrays, infinities and NaN. Fields that are undefined are left
 * out; numbers come back bit by bit. The same value gives the same text on any machine of little-endian order.
 *
 * @example
 * toWire({ counts: Uint8Array.of(1), most: Infinity });
 * // '{"counts":{"$moeplace":"Uint8Array","data":"AQ=="},"most":{"$moeplace":"number","data":"Infinity"}}'
 */
export function toWire(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "number" && !Number.isFinite(inner)) return { [TAG]: "number", data: String(inner) };
    if (!ArrayBuffer.isView(inner)) return inner;
    const name = inner.constructor.name;
    if (!(name in ARRAYS))
      throw new Error(`wire: found ${name}, expected one of ${Object.keys(ARRAYS).join(", ")}`);
    const bytes = Buffer.from(inner.buffer, inner.byteOffset, inner.byteLength);
    return { [TAG]: name, data: bytes.toString("base64") };
  });
}

/**
 * Reads what {@link toWire} wrote.
 *
 * @throws SyntaxError if the text is no JSON, Error if a tag in it is of no known kind.
 */
export function fromWire(text: string): unknown {
  return JSON.parse(text, (_, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || !(TAG in inner)) return inner;
    const { [TAG]: name, data } = inner as { [TAG]: unknown; data?: unknown };
    if (typeof name !== "string" || typeof data !== "string")
      throw new Error("wire: found a tag without data");
    if (name === "number") return Number(data);
    if (!Object.hasOwn(ARRAYS, name)) throw new Error(`wire: found ${name}, expected a typed array`);
    // A copy: an array of eight-byte numbers cannot begin anywhere in a buffer.
    return new ARRAYS[name as ArrayName](Uint8Array.from(Buffer.from(data, "base64")).buffer);
  }) as unknown;
}
