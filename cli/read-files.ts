import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { InputError } from "../index.js";
import { parseYaml } from "../doors/flows.js";
import { findModelShape } from "../doors/hardware.js";
import {
  importPlacement,
  parsePlacement,
  recognisePlacement,
  verifyForeign,
  type Placement,
} from "../doors/placement.js";
import type { RoutingTrace } from "../doors/traces.js";
import type { Terminal } from "./terminal.js";

/**
 * Reads a file whole.
 *
 * @throws InputError if there is none that can be read.
 */
export function readBytes(path: string): Buffer {
  return reading(path, () => readFileSync(path));
}

/**
 * Reads a JSON or YAML file; an alias in YAML stands for nothing.
 *
 * @throws InputError if it is neither.
 */
export async function readDocument(path: string): Promise<unknown> {
  const text = readText(path);
  const isLong = text.length > MOST_CHARACTERS;
  const { value, excess, errors } = isLong ? { excess: TOO_LONG, errors: [] } : await parseYaml(text);
  const fault = excess ?? errors.at(0);
  if (fault === undefined) return value;
  throw new InputError(`${path}: found no JSON or YAML that is read: ${fault}`);
}

/** Configurations are written by hand. */
const MOST_CHARACTERS = 100_000;
const TOO_LONG = `over ${MOST_CHARACTERS} characters`;

/** Reads a file of UTF-8 whole, without the byte order mark that some editors write. */
export function readText(path: string): string {
  return readBytes(path)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
}

/** What is known where a placement made by an engine is read, and who is told of what is odd in it. */
export interface PlacementReading {
  /** Of the same model and layers. */
  readonly trace: Pick<RoutingTrace, "model" | "numExperts"> & {
    readonly layers: readonly { readonly layer: number }[];
  };
  /** Chiplets (EP ranks), where the file does not say. */
  readonly numChiplets: number | undefined;
  readonly terminal: Terminal;
}

/**
 * Reads a placement file, whole and sound.
 *
 * @param known Given, the file may be one of an engine, such as the answer of EPLB.
 */
export async function readPlacement(path: string, known?: PlacementReading): Promise<Placement> {
  if (known === undefined || isPlacementFile(path)) return parsePlacement(readText(path), path);
  const bytes = readBytes(path);
  const { trace, numChiplets, terminal } = known;
  const { model, numExperts } = trace;
  const warn = (warning: string) => {
    terminal.note(warning);
  };
  const told = { model, numExperts, numChiplets, warn };
  const shape = model === undefined ? undefined : findModelShape(model);
  // Engines write every layer of the model; a plan made from a recording has the layers of the recording.
  const [{ layer: firstMoeLayer }] = trace.layers;
  const second = trace.layers.at(1);
  const recorded = { firstMoeLayer, moeLayerStep: second === undefined ? 1 : second.layer - firstMoeLayer };
  if (shape?.numExperts !== numExperts) return importPlacement(bytes, path, { ...told, ...recorded });
  const whole = { numHiddenLayers: shape.numLayers, firstMoeLayer: shape.firstMoeLayer };
  const { violations } = await verifyForeign(bytes, path, { ...told, ...whole });
  return importPlacement(bytes, path, { ...told, ...(violations.length === 0 ? whole : recorded) });
}

/** Tells placement files from traces among the files a command was given, each in the order given. */
export function sortPaths(paths: readonly string[]): { traces: string[]; placements: string[] } {
  const placements = paths.filter((path) => isPlacementFile(path) || isEngineFile(path));
  return { traces: paths.filter((path) => !placements.includes(path)), placements };
}

/** Whether a file says of itself that it is a moeplace placement, near its beginning. */
export function isPlacementFile(path: string): boolean {
  // Standard input is a trace.
  if (path === "-") return false;
  return reading(path, () => {
    // What a pipe has told is gone.
    if (!statSync(path).isFile()) return false;
    const file = openSync(path, "r");
    try {
      const head = Buffer.alloc(65536);
      const length = readSync(file, head);
      return /"format"\s*:\s*"moeplace\.placement"/.test(head.toString("latin1", 0, length));
    } finally {
      closeSync(file);
    }
  });
}

/** Files of engines are smaller; larger ones are traces. */
const MOST_ENGINE_BYTES = 2 ** 25;

/** Whether a file can be nothing but the placement of an engine. Lists of slots may be loads, too: import those first. */
function isEngineFile(path: string): boolean {
  if (path === "-") return false;
  return reading(path, () => {
    const { size } = statSync(path);
    if (!statSync(path).isFile() || size > MOST_ENGINE_BYTES) return false;
    return recognisePlacement(readFileSync(path)) !== undefined;
  });
}

/** Does something with a file that the user named, which may not be there. */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new InputError(`${path}: found no such file`);
    if (code === "EISDIR") throw new InputError(`${path}: found a folder, expected a file`);
    throw new InputError(`${path}: cannot be read (${code ?? "unknown"})`);
  }
}
