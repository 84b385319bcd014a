import { unknownName } from "../unknown-name.js";
import { findFormat } from "./formats.js";
import { engines } from "./engines.js";
import { deafModel, type Engine } from "./engine.js";
import type { PlacementFormat } from "./placement-format.js";

/** Other names by which people ask for engines. */
const ALIASES: Readonly<Record<string, string>> = {
  trtllm: "tensorrt-llm",
  "trt-llm": "tensorrt-llm",
  ascend: "vllm-ascend",
  omni: "omni-infer",
  "megatron-lm": "megatron",
  llamacpp: "llama.cpp",
};

/** An engine to place for, and the file through which it gets the placement. */
export interface EngineTarget {
  readonly engine: Engine;
  readonly format: PlacementFormat;
}

/** Engines to place for, by the names to ask for them. */
export function targetNames(): string[] {
  return [...new Set(engines.flatMap(({ key = [] }) => key))];
}

/**
 * Finds an engine by its name and, of its files, the first that some release loads for the model.
 *
 * @throws InputError if there is no such engine.
 *
 * @example
 * findTarget("trtllm").format.name; // "tensorrt-llm"
 * findTarget("sglang", "mixtral-8x7b").format.name; // "checkpoint-script": SGLang keeps Mixtral's experts in order
 * findTarget("vllm").format.name; // "checkpoint-script": no release of vLLM loads a placement
 */
export function findTarget(name: string, model?: string): EngineTarget {
  const key = ALIASES[name.toLowerCase()] ?? name.toLowerCase();
  const rows = engines.filter((engine) => engine.key === key);
  const [engine = rows.at(0)] = rows.filter(
    (row) => row.releases.some(({ loading }) => loading === "loads") && deafModel(row, model) === undefined,
  );
  const format = engine && findFormat(engine.format);
  if (engine === undefined || format === undefined) {
    throw unknownName("engine", { found: name, known: targetNames() });
  }
  return { engine, format };
}
