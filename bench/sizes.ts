/**
 * `npm run bench:sizes`: processor time and memory of every step against tokens, experts, chiplets and layers.
 *
 * Seeded synthetic tokens, written as moeplace binary and placed in a process of their own. Every placement is verified
 * independently before its figures are printed; a bound that ten minutes cut says so. `-- experts chiplets` runs these curves alone; `--most N` leaves out larger sizes,
 * `--bound` has bounds proved too, which takes longest and is what `npm run bench:bounds` is about.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeBinaryTrace } from "../traces/formats/binary-trace.js";
import { synthesizeModel } from "../traces/synthetic.js";
import { row } from "./table.js";

interface Size {
  readonly tokens: number;
  readonly experts: number;
  readonly topK: number;
  readonly chiplets: number;
  readonly layers: number;
}

/** What a process of size-once.ts prints. */
interface Measured {
  readonly numPatterns: number;
  /** Whether the bound was cut by the clock. */
  readonly isCut: boolean;
  readonly costs: Readonly<Record<string, { readonly seconds: number; readonly peakBytes: number }>>;
}

/** The share of a token's experts that are of its community, as in the synthetic DeepSeek-V3. */
const COHESION = 0.62;
const USUAL: Size = { tokens: 16_384, experts: 256, topK: 8, chiplets: 32, layers: 1 };

const curves: Record<string, { readonly title: string; readonly sizes: readonly Size[] }> = {
  tokens: {
    title: "Tokens: 64 experts of top-6 on 8 chiplets, a layer",
    sizes: [1e4, 1e5, 1e6, 1e7].map((tokens) => ({ ...USUAL, experts: 64, topK: 6, chiplets: 8, tokens })),
  },
  experts: {
    title: "Experts: 16,384 tokens of top-8, 8 experts on a chiplet, a layer",
    sizes: [32, 64, 128, 256, 512, 1024].map((experts) => ({ ...USUAL, experts, chiplets: experts / 8 })),
  },
  chiplets: {
    title: "Chiplets: 16,384 tokens of top-8, 256 experts, or as many as chiplets, a layer",
    sizes: [4, 16, 64, 256, 512].map((chiplets) => ({
      ...USUAL,
      experts: Math.max(256, chiplets),
      chiplets,
    })),
  },
  layers: {
    title: "Layers: 16,384 tokens, 64 experts of top-6 on 8 chiplets",
    sizes: [1, 4, 16].map((layers) => ({ ...USUAL, experts: 64, topK: 6, chiplets: 8, layers })),
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    most: { type: "string", default: "Infinity" },
    bound: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), "moeplace-bench-"));
try {
  for (const [name, { title, sizes }] of Object.entries(curves)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    console.log(`\n## ${title}: processor seconds, and the most memory in MB while a step ran\n`);
    printCurve(
      name as keyof Size,
      sizes.filter((size) => size[name as keyof Size] <= Number(values.most)),
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

function printCurve(name: keyof Size, sizes: readonly Size[]): void {
  sizes.forEach((size, at) => {
    const { numPatterns, costs, isCut } = measure(size);
    const steps = Object.keys(costs);
    if (at === 0) {
      row(name, "patterns a layer", ...steps);
      row("---:", "---:", ...steps.map(() => "---:"));
    }
    const cells = Object.entries(costs).map(
      ([step, { seconds, peakBytes }]) =>
        `${seconds.toFixed(2)}, ${(peakBytes / 1e6).toFixed(0)}${isCut && step === "search and bound" ? " (cut)" : ""}`,
    );
    row(String(size[name]), numPatterns.toFixed(0), ...cells);
  });
}

function measure({ tokens, experts, topK, chiplets, layers }: Size): Measured {
  const model = {
    name: "sizes",
    numExperts: experts,
    topK,
    numMoeLayers: layers,
    firstMoeLayer: 0,
    cohesion: COHESION,
  };
  const path = join(folder, "trace.moeplace");
  const file = openSync(path, "w");
  for (const chunk of writeBinaryTrace(synthesizeModel(model, { tokens }))) writeSync(file, chunk);
  closeSync(file);
  const script = fileURLToPath(new URL("./size-once.js", import.meta.url));
  const args = [script, path, String(chiplets), ...(values.bound ? ["bound"] : [])];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${tokens} tokens, ${experts} experts, ${chiplets} chiplets: failed`);
  return JSON.parse(stdout) as Measured;
}
