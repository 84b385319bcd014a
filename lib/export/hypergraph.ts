import { InputError } from "../errors.js";
import { checkModelSizes } from "../plausible-size.js";
import type { TokenPatterns } from "../trace/token-patterns.js";
import { chipletOfExperts } from "../placement/placement.js";
import { countExperts, countIds, layersOfRows } from "./foreign-content.js";
import type { PlacementFormat } from "./placement-format.js";
import { sum } from "../statistics.js";

/**
 * Writes the token patterns of a layer as the hypergraph that partitioners (hMETIS, KaHyPar, Mt-KaHyPar) read: a
 * net a pattern, weighted with its tokens, a vertex an expert, both counted from 1.
 *
 * A partition of cost km1 has C_T = 1 + km1 / tokens. Patterns of one expert are nets that nothing can cut; they are
 * kept, so that the weights sum to the tokens.
 * Source: hMETIS manual 1.5.3, section 4.1.1, format 1.
 *
 * @example
 * formatHypergraph(patterns); // "2 4 1\n3 1 2\n1 2 3\n": 3 tokens chose experts 0 and 1, 1 token 1 and 2
 */
export function formatHypergraph({
  numPatterns,
  numExperts,
  offsets,
  experts,
  counts,
}: TokenPatterns): string {
  const lines = [`${numPatterns} ${numExperts} 1`];
  for (let pattern = 0; pattern < numPatterns; pattern++) {
    const pins = Array.from(experts.subarray(offsets[pattern], offsets[pattern + 1]), (expert) => expert + 1);
    lines.push(`${counts[pattern]} ${pins.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Reads a hypergraph of weighted nets back as token patterns.
 *
 * @param where Name of the file, for messages.
 * @throws InputError if a line is not as the header says.
 */
export function parseHypergraph(text: string, where: string): TokenPatterns {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("%"));
  const [header = ""] = lines;
  const [numPatterns, numExperts, weights] = header.trim().split(/\s+/).map(Number);
  if (weights !== 1 || lines.length - 1 !== numPatterns) {
    throw new InputError(`${where}: found "${header}" and ${lines.length - 1} nets, expected weighted nets`);
  }
  const nets = lines.slice(1).map((line) => line.trim().split(/\s+/).map(Number));
  nets.forEach(([weight, ...pins], net) => {
    if (!(weight >= 1) || pins.length === 0 || pins.some((pin) => !(pin >= 1 && pin <= numExperts))) {
      throw new InputError(
        `${where}: net ${net + 1}: found "${lines[net + 1]}", expected a weight and vertices`,
      );
    }
  });
  const offsets = new Uint32Array(numPatterns + 1);
  nets.forEach((net, index) => (offsets[index + 1] = offsets[index] + net.length - 1));
  const counts = Uint32Array.from(nets, ([weight]) => weight);
  return {
    numExperts,
    numPatterns,
    numTokens: sum(counts),
    offsets,
    experts: Uint16Array.from(
      nets.flatMap(([, ...pins]) => pins.map((pin) => pin - 1).sort((a, b) => a - b)),
    ),
    counts,
  };
}

/** The instance of one layer, for a partitioner to solve; the placement only says which layer and how many experts. */
export const hypergraph: PlacementFormat = {
  name: "hmetis",
  summary: "the token patterns of one layer as a hypergraph for partitioners: hMETIS .hgr (needs a trace)",
  extension: "hgr",
  needs: { layers: "one", equalSlots: false, noReplicas: false },
  write({ layers, numExperts }, { patterns }) {
    const ofLayer = patterns?.get(layers[0].layer);
    if (ofLayer === undefined) {
      throw new InputError(
        `hmetis: found no token patterns of layer ${layers[0].layer}, expected them`,
        "Maybe pass trace, the tokens to write.",
      );
    }
    if (ofLayer.numExperts !== numExperts) {
      throw new InputError(`hmetis: found a trace of ${ofLayer.numExperts} experts, expected ${numExperts}`);
    }
    const text = formatHypergraph(ofLayer);
    if (JSON.stringify(parseHypergraph(text, "hmetis")) !== JSON.stringify(ofLayer)) {
      throw new Error("hmetis: wrote a file that reads back as another instance");
    }
    return text;
  },
  recognises: ({ text }) => text !== undefined && /^\d+ \d+ 1\s*\n/.test(text),
};

/** What partitioners answer: the block of every vertex, one a line, for one layer. */
export const partition: PlacementFormat = {
  name: "hmetis-partition",
  summary: "the answer of a partitioner for one layer: the block of every expert, one a line",
  extension: "part",
  needs: { layers: "one", equalSlots: false, noReplicas: true },
  mistakable: true,
  write: ({ layers, numExperts }) => `${chipletOfExperts(layers[0].chiplets, numExperts).join("\n")}\n`,
  recognises: ({ text = "" }) =>
    /^\d/.test(text) &&
    text
      .trimEnd()
      .split("\n")
      .every((line) => /^\d{1,9}\s*$/.test(line)),
  read({ text = "" }, options, report) {
    const blockOf = text.trimEnd().split(/\s+/).map(Number);
    if (options.numExperts === undefined) checkModelSizes("hmetis-partition", { numExperts: blockOf.length });
    const numChiplets = options.numChiplets ?? countIds(blockOf);
    const numExperts = countExperts(options, blockOf.keys());
    const chiplets = Array.from({ length: numChiplets }, (): number[] => []);
    blockOf.forEach((block, expert) => {
      if (block < numChiplets) chiplets[block].push(expert);
      else report(`expert ${expert}: found block ${block}, out of range [0, ${numChiplets})`);
    });
    const layers = layersOfRows(undefined, options, report).map((layer) => ({ layer, chiplets }));
    return { model: options.model, numExperts, numChiplets, layers };
  },
};
