import type { FileHead, OnBytes } from "./bytes/file-bytes.js";
import type { TraceBuilder } from "./trace-builder.js";

/** A way in which routing is written to files. One module each; traces/detect.ts lists them all. */
export interface TraceFormat {
  /** As people call it. */
  readonly name: string;
  /** What its files begin with, in a few words. */
  readonly sign: string;
  /** Whether a file is written this way, told by what it begins with and never by its name alone. */
  recognises(head: FileHead): boolean;
  /**
   * Reads files of this format into a builder, in the order given.
   *
   * @throws InputError where a file is damaged.
   */
  read(paths: readonly string[], builder: TraceBuilder, onBytes: OnBytes): Promise<void>;
}
