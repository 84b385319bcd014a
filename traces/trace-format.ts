import type { DetectOptions } from "./array-kind.js";
import type { FileHead, OnBytes } from "./bytes/file-bytes.js";
import type { TraceBuilder } from "./trace-builder.js";

/** A way in which routing is written to files. One module each; traces/detect.ts lists them all. */
export interface TraceFormat {
  /** As people call it. */
  readonly name: string;
  /** What its files begin with, in a few words. */
  readonly sign: string;
  /** Whether a file is written this way, told by what it begins with and never by its name alone. */
  recognises(head: FileHead, options: DetectOptions): boolean;
  /** Whether a file that no format recognises by its beginning is written this way, told by what comes further on. */
  findsFurtherOn?(head: FileHead): Promise<boolean> | boolean;
  /** What told, or what spoke against it, where that is more than the sign. */
  why?(head: FileHead, options: DetectOptions): string;
  /**
   * Reads files of this format into a builder, in the order given.
   *
   * @throws InputError where a file is damaged.
   */
  read(paths: readonly string[], builder: TraceBuilder, onBytes: OnBytes): Promise<void>;
}
