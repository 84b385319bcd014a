import { Command } from "commander";
import { InputError } from "../../index.js";
import { inspectTrace, type LayerInspection } from "../../doors/flows.js";
import { counted, coactivationGexf } from "../../doors/report.js";
import { createRandom, findCommunities } from "../../doors/solvers.js";
import { collectPatterns, countCoactivation, type RoutingTrace } from "../../doors/traces.js";
import { showLoads } from "../describe/inspect-loads.js";
import { loadRoutingOrStandIn } from "../load-trace.js";
import {
  addForceOption,
  addTableOptions,
  addTraceOptions,
  integerOption,
  type FileCommandOptions,
  type TraceOptions,
} from "../options.js";
import { checkOutput, writeOutput } from "../output-file.js";
import { formatTable, layerProgress, openTerminal } from "../terminal.js";

interface InspectOptions extends FileCommandOptions, TraceOptions {
  readonly chiplets: number;
  readonly slots?: number;
  readonly graph?: string;
  readonly layer?: number;
  readonly why?: boolean;
}

/** Placements learned from fewer tokens of a layer are several percent from those of many, as docs/recording.md measures. */
const ENOUGH_TOKENS = 1024;

export function inspectCommand(): Command {
  const command = new Command("inspect")
    .summary("show what is in a trace, and what placement could gain")
    .description("Shows model, layers, tokens, load skew, warm-up rows and what co-location could gain.")
    .argument("[trace...]", "trace files or folders, read as one trace")
    .addOption(integerOption("--chiplets <n>", "chiplets to place on", 1).default(16))
    .addOption(
      integerOption("--slots <n>", "experts on a chiplet (default: experts / chiplets, rounded up)", 1),
    )
    .option("--why", "say what told the format of every trace")
    .option("--graph <file.gexf>", "write the co-activation graph of a layer with its communities, for Gephi")
    .addOption(integerOption("--layer <n>", "the layer of --graph (default: the first)"));
  addTraceOptions(command);
  return addTableOptions(addForceOption(command))
    .addHelpText("after", "\nExample:\n  moeplace inspect trace.jsonl.gz --chiplets 8")
    .action(async (paths: string[], options: InspectOptions) => {
      const terminal = openTerminal(options);
      if (options.graph !== undefined) checkOutput(options.graph, options);
      const routing = await loadRoutingOrStandIn(paths, options, terminal);
      const { chiplets, slots } = options;
      const { report } = routing;
      for (const { path, format, why } of report.sources) {
        terminal.print(`${path}: ${format}${options.why ? `, because of ${why}` : ""}`);
      }
      if (routing.kind === "loads") {
        if (options.graph !== undefined) refuseGraph(paths[0]);
        showLoads(routing.loads, { report, numChiplets: chiplets, terminal });
        return;
      }
      const { trace } = routing;
      const fewest = trace.layers.reduce((least, { numTokens }) => Math.min(least, numTokens), Infinity);
      if (fewest < ENOUGH_TOKENS) {
        terminal.note(
          `${counted(fewest, "token")} of a layer ${fewest === 1 ? "is" : "are"} few to learn from: docs/recording.md tells how many are enough`,
        );
      }
      const inspection = inspectTrace(trace, {
        numChiplets: chiplets,
        slotsPerChiplet: slots,
        onLayer: layerProgress(terminal, "inspecting"),
      });
      const { layers, uniformReplication } = inspection;
      const warmup = new Map(report.layers.map(({ layer, warmupRows }) => [layer, warmupRows]));
      const mean = (pick: (layer: LayerInspection) => number) =>
        layers.reduce((sum, layer) => sum + pick(layer), 0) / layers.length;
      const means = {
        loadMaxOverMean: mean((layer) => layer.loadMaxOverMean),
        loadEntropy: mean((layer) => layer.loadEntropy),
        contiguousReplication: mean((layer) => layer.contiguousReplication),
        replicationAtLeast: mean((layer) => layer.replicationAtLeast),
      };
      const records = layers.map((layer) => ({ ...layer, warmupRows: warmup.get(layer.layer) ?? 0 }));
      terminal.printCsv(records);
      terminal.printJson({
        model: trace.model ?? null,
        numExperts: trace.numExperts,
        topK: trace.topK,
        sampledOneIn: trace.sampledOneIn ?? 1,
        numChiplets: chiplets,
        uniformReplication,
        mean: means,
        sources: report.sources,
        layers: records,
      });
      terminal.print(
        `model ${trace.model ?? "unknown"}, ${counted(layers.length, "MoE layer")}, ${trace.numExperts} experts, top-${trace.topK}` +
          `${trace.sampledOneIn ? `, a sample of one token in ${trace.sampledOneIn}` : ""}\n`,
      );
      terminal.print(
        formatTable(
          ["layer", "tokens", "warm-up", "patterns", "idle", "max/mean", "entropy", "C_T ids", "C_T least"],
          [
            ...layers.map((layer) => [
              String(layer.layer),
              String(layer.tokens),
              String(warmup.get(layer.layer) ?? 0),
              String(layer.patterns),
              String(layer.idleExperts),
              ...formatMeans(layer),
            ]),
            ["mean", "", "", "", "", ...formatMeans(means)],
          ],
        ),
      );
      terminal.print(
        `\nC_T is the number of chiplets a token visits, on ${chiplets} chiplets: "ids" with experts in the order of\n` +
          `their ids, "least" what no placement can go below. Experts chosen at random: ${uniformReplication.toFixed(3)}.`,
      );
      if (options.graph !== undefined) {
        const { text, summary } = layerGraph(trace, options.layer);
        await writeOutput(options.graph, text, options);
        terminal.print(`\nwrote ${options.graph}: ${summary}`);
      }
    });
}

function refuseGraph(path: string): never {
  throw new InputError(
    `${path}: found loads without tokens, expected tokens for --graph`,
    "Maybe record tokens: loads do not tell what is chosen together.",
  );
}

type Means = Pick<
  LayerInspection,
  "loadMaxOverMean" | "loadEntropy" | "contiguousReplication" | "replicationAtLeast"
>;

function formatMeans(means: Means): string[] {
  return [
    means.loadMaxOverMean.toFixed(2),
    means.loadEntropy.toFixed(3),
    means.contiguousReplication.toFixed(3),
    means.replicationAtLeast.toFixed(3),
  ];
}

function layerGraph(trace: RoutingTrace, wanted = trace.layers[0].layer): { text: string; summary: string } {
  const found = trace.layers.find(({ layer }) => layer === wanted);
  if (found === undefined) {
    const layers = trace.layers.map(({ layer }) => layer).join(", ");
    throw new InputError(`--layer: found ${wanted}, expected one of ${layers}`);
  }
  const coactivation = countCoactivation(collectPatterns(found, trace));
  const communityOf = findCommunities(coactivation, { random: createRandom(1, wanted) });
  const numCommunities = new Set(communityOf).size;
  return {
    text: coactivationGexf(coactivation, communityOf),
    summary: `co-activation of ${trace.numExperts} experts in layer ${wanted}, ${counted(numCommunities, "community")}`,
  };
}
