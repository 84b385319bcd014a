/** What the columns of Parquet files are unpacked with. */
export { gunzipSync } from "fflate";

export function brotliDecompressSync(): never {
  throw new Error("Brotli, which browsers do not unpack for pages");
}
