import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { zipSync } from "fflate";
import { npyFile } from "./array-files.js";
import { parquetFile, type PageOfNumbers } from "./parquet-files.js";

const MOST_MIB = 512;
const child = fileURLToPath(new URL("memory-child.js", import.meta.url));

/** So many bytes of a piece again and again, between a head and a tail. */
function filled(piece: string, numBytes: number, head = "", tail = ""): Buffer {
  return Buffer.concat([Buffer.from(head), Buffer.alloc(numBytes, piece), Buffer.from(tail)]);
}

const LOADS = ['{"load_history":[{"logical_expert_load":[', "[]]}]}"] as const;
const SLOTS = ["num_slots: 4\ninitial_global_assignments: {0: [", "1]}"] as const;
/** An array whose entries are behind the one it has. */
const padded = (numBytes: number) =>
  Buffer.concat([npyFile({ shape: [numBytes / 8, 1, 8], values: Uint8Array.of(1) }), Buffer.alloc(numBytes)]);

/** Files of at most a megabyte. What runs in a process of its own is told by its name: whoever is too big takes no other with it. */
const files: Readonly<Record<string, () => Uint8Array>> = {
  "a gzip of a gigabyte of spaces": () => Buffer.concat(Array(100).fill(gzipSync(filled(" ", 1e7)))),
  "a gzip of empty lists": () => gzipSync(filled("[],", 31e6, ...LOADS)),
  "a gzip of lists of one": () => gzipSync(filled("[0],", 31e6, '{"0":[', "[0]]}")),
  "a gzip of numbers": () => gzipSync(filled("1,", 31e6, '{"logical_count":[[', "1]]}")),
  "a gzip of rows": () => gzipSync(filled('{"layer":0,"token":0,"experts":[0,1]}\n', 1e8)),
  "lists nested 500,000 deep": () => Buffer.from("[".repeat(5e5) + "]".repeat(5e5)),
  "a line of numbers": () => filled("0,", 1e6, "layer,token,e0\n0,0,0,"),
  "a quote that never closes": () => filled('1,0,"', 1e6, "Layer ID,Batch Number,Token,Activated Expert IDs\n"),
  "a YAML of slots": () => filled("1,", 1e6, ...SLOTS),
  "a YAML of anchors": () => filled("- &a 1\n", 1e6, "physical_to_logical_map:\n"),
  "a YAML of lines": () => filled("- 1\n", 1e6, "physical_to_logical_map:\n"),
  "an .npz of much behind an array": () => zipSync({ "routed_experts.npy": [padded(6e7), { level: 1 }] }),
  "an .npz of several": () => zipSync(Object.fromEntries([1, 2, 3].map((at) => [`a${at}.npy`, [padded(6e7), { level: 1 }]]))),
  "an .npz of EPLB": () => zipSync({ "phy2log.npy": [Buffer.concat([npyFile({ shape: [1000, 30000], values: Uint8Array.of(1) }), Buffer.alloc(3e7)]), { level: 1 }] }),
  "a JSON of slots": () => filled("[],", 1e6, '{"physical_to_logical_map":[', "[]]}"),
  "a JSON of ranks": () => filled("1,", 1e6, '{"expert_to_ep_rank":[', "1]}"),
  "blocks of zstd that repeat a byte": () => zstdOfRuns(240_000),
  "a Parquet of entries that take no bits": () => parquetBomb(noBits(2e6, 1), 2e6),
  "a Parquet of row groups that share their pages": () => parquetBomb(noBits(1e5, 1), 1e5, { numGroups: 2500 }),
  "a Parquet of more rows than values": () => parquetBomb(noBits(10), 1e15),
  "a Parquet page of half a gigabyte": () => parquetBomb([gzipPage(5e8, 1)], 1),
  "a Parquet of pages of many megabytes": () => parquetBomb(Array<PageOfNumbers>(12).fill(gzipPage(15e6, 1e5)), 12e5),
  "a Parquet of a dictionary of half a gigabyte": () => parquetBomb([{ ...gzipPage(5e8, 1e8), kind: "dictionary" }, entries(1)], 1),
  "a Parquet of dictionaries of many megabytes": () => parquetBomb([{ ...gzipPage(15e6, 37e5), kind: "dictionary" }, entries(1e6)], 1e6),
}; // prettier-ignore

/** A page of numbers, nearly all the same, that is packed a little less than as well as can be. */
function gzipPage(numBytes: number, numValues: number, value = 0): PageOfNumbers {
  const size = Math.min(numBytes, 5e6);
  const numRandom = Math.floor(size / 2e4);
  const part = gzipSync(
    Buffer.concat([Buffer.alloc(size - numRandom, Buffer.of(value, 0, 0, 0)), randomBytes(numRandom)]),
  );
  const numParts = Math.ceil(numBytes / size);
  return { bytes: Buffer.concat(Array<Buffer>(numParts).fill(part)), numValues, unpacksTo: numParts * size };
}

/** Entries of a dictionary, all the first one. */
function entries(numValues: number): PageOfNumbers {
  return { bytes: gzipSync(Buffer.of(0, 0)), numValues, unpacksTo: 2, kind: "entries" };
}

/** Any number of values in some bytes. */
function noBits(numValues: number, value = 0): PageOfNumbers[] {
  return [{ ...gzipPage(4, 1, value), kind: "dictionary" }, entries(numValues)];
}

/** A trace as a table, of which one column is as given, and which is large enough to have many values. */
function parquetBomb(pages: readonly PageOfNumbers[], numRows: number, { numGroups = 1 } = {}): Buffer {
  const used = pages.reduce((sum, { bytes }) => sum + bytes.length, 0) + 200 * numGroups;
  const filler = { bytes: gzipSync(randomBytes(Math.max(1, 7e5 - used))), numValues: 1 };
  const columns = { layer: noBits(numRows), expert_0: noBits(numRows), expert_1: pages, note: [filler] };
  return parquetFile(columns, { numRows, numGroups, codec: "gzip" });
}

/** A frame of blocks of 128 KiB, each a byte that repeats. Source: RFC 8878, 3.1.1.2. */
function zstdOfRuns(numBlocks: number): Buffer {
  const block = Buffer.of(0x02, 0x00, 0x10, 0x20);
  return Buffer.concat([Buffer.from("28b52ffd0058", "hex"), ...Array<Buffer>(numBlocks).fill(block)]);
}

describe("the memory that a hostile megabyte takes", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "moeplace-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  for (const [name, makeFile] of Object.entries(files)) {
    it(`stays below ${MOST_MIB} MiB: ${name}`, async () => {
      const bytes = makeFile();
      expect(bytes.length, "bytes").to.be.at.most(1.1e6);
      const path = join(folder, "file");
      writeFileSync(path, bytes);
      const { stdout } = await promisify(execFile)(process.execPath, [child, path], {
        env: { ...process.env, NODE_V8_COVERAGE: "" },
      });
      expect(Number(stdout)).to.be.within(1, MOST_MIB);
    });
  }
});
