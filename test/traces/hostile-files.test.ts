import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { zipSync } from "fflate";
import { verifyForeign } from "../../lib/export/read-foreign.js";
import { readSlotMap } from "../../traces/slot-map.js";
import { npyFile, torchFile } from "./array-files.js";
import { failureOf, readFolder } from "./trace-files.js";

const row = '{"layer":0,"token":0,"experts":[0,1]}\n';

/** An array that claims a shape for the bytes of a few numbers. */
function claimed(shape: readonly number[]): Buffer {
  return npyFile({ shape, values: Int32Array.of(0, 1, 2, 3) });
}

/** So many megabytes of spaces, packed a megabyte at a time. */
function gzipOfSpaces(megabytes: number): Buffer {
  const member = gzipSync(Buffer.alloc(1e6, " "));
  return Buffer.concat(Array.from({ length: megabytes }, () => member));
}

/** A torch file whose directory claims four billion members, as that of a zip file of more than 4 GB may. */
function zipOfBillions(): Buffer {
  const zip = Buffer.from(torchFile({ logical_count: { shape: [2, 2], values: Int32Array.of(1, 2, 3, 4) } }));
  const end = zip.length - 22;
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50);
  record.writeUInt32LE(0xffffffff, 32);
  record.writeUInt32LE(zip.readUInt32LE(end + 16), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50);
  locator.writeUInt32LE(end, 8);
  return Buffer.concat([zip.subarray(0, end), record, locator, zip.subarray(end)]);
}

function safetensors(header: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, Buffer.alloc(64)]);
}

describe("hostile traces", () => {
  const cases: { name: string; file?: string; content: () => string | Uint8Array; message: RegExp }[] = [
    {
      name: "a header of 1e9 experts",
      content: () => `{"num_experts":1000000000,"top_k":2}\n${row}`,
      message: /found 1000000000 experts, expected 1 to 4096\nMaybe .*maxExperts/,
    },
    {
      name: "a header of top-1e6",
      content: () => `{"num_experts":64,"top_k":1000000}\n${row}`,
      message: /found 1000000 experts in a token, expected 1 to 64/,
    },
    {
      name: "ids that no model has",
      content: () => '{"layer":0,"token":0,"experts":[8000,65000]}\n',
      message: /expert 8000 is out of range \[0, 4096\)\nMaybe .*maxExperts/,
    },
    { name: "a layer of 1e9", content: () => row.replace(":0", ":999999999"), message: /found layer 999999999, expected 0 to 1023/ },
    { name: "zero tokens of 1e9 layers", content: () => claimed([0, 1e9, 2]), message: /found an array of/ },
    { name: "rows of 2^53 experts, in Fortran order", content: () => npyFile({ shape: [5, 2 ** 53], values: Uint8Array.of(1) }, { isFortran: true }), message: /found an array of/ },
    { name: "no experts a token", content: () => claimed([4, 1, 0]), message: /found 0 experts|shape/ },
    { name: "loads of 1e18 layers", content: () => claimed([1e18, 32]), message: /found an array of shape/ },
    {
      name: "strides that expand one number to 1e18",
      content: () => Buffer.from(Buffer.from(torchFile({ indices: { shape: [4, 2], values: Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3) } })).toString("latin1").replace("(J\x04\0\0\0J\x02\0\0\0t(J\x02\0\0\0J\x01\0\0\0", "(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft(J\0\0\0\0J\0\0\0\0"), "latin1"),
      message: /found an array of shape \[2147483647, 2147483647\], expected at most 8 entries/,
    },
    { name: "a gzip bomb of spaces", content: () => gzipOfSpaces(300), message: /no format known|more than/ },
    {
      name: "a gzip bomb behind a row",
      content: () => Buffer.concat([gzipSync(row), gzipOfSpaces(80)]),
      message: /found (a line|\d+ bytes that unpack)/,
    },
    {
      name: "a gzip bomb of loads",
      content: () => gzipSync(Buffer.concat([Buffer.from('{"load_history":[{"logical_expert_load":[[1,2]'), Buffer.alloc(40e6, " "), Buffer.from("]}]}")])),
      message: /that unpack to more than/,
    },
    {
      name: "an .npz bomb",
      content: () => zipSync({ "routed_experts.npy": [Buffer.concat([npyFile({ shape: [25e5, 4, 8], values: Uint8Array.of(1) }), Buffer.alloc(80e6)]), { level: 1 }] }),
      message: /that unpack to more than/,
    },
    { name: "a zip file of four billion members, which took as many steps", content: zipOfBillions, message: /found more members than there is room for, expected a whole zip file/ },
    { name: "a safetensors entry of null", content: () => safetensors({ "0_1": { dtype: "I64", shape: [1], data_offsets: [0, 8] }, "0_2": null }), message: /tensor .*found type nothing/ },
    { name: "a safetensors type named constructor", content: () => safetensors({ "0_1": { dtype: "constructor", shape: [8], data_offsets: [0, 64] } }), message: /found no tokens/ },
    { name: "a safetensors entry without offsets", content: () => safetensors({ "0_1": { dtype: "I64", shape: [8] } }), message: /expected a shape and two data_offsets/ },
    { name: "steps of null", content: () => '{"load_history":[null], "logical_expert_load":[]}', message: /found nothing, expected loads/ },
    { name: "no steps", content: () => '{"load_history":[{"logical_expert_load":[]}]}', message: /found \[\], expected loads/ },
    { name: "a token nested 20,000 deep", content: () => `{"layer":0,"token":0,"expert_id":1}\n{"layer":0,"token":${"[".repeat(2e4)}${"]".repeat(2e4)},"expert_id":1}\n`, message: /:2: found \[+\.\.\., expected a number or a name/ },
    { name: "an expert nested 20,000 deep", content: () => `{"layer":0,"token":0,"expert_id":1}\n{"layer":0,"token":1,"expert_id":{"a":${"[".repeat(2e4)}${"]".repeat(2e4)}}}\n`, message: /found \{"a":\[+\.\.\., expected the number of an expert/ },
    { name: "a layer that is an object without text", content: () => '{"layer":{"toString":1},"token":0,"expert_id":1}\n{"layer":0,"token":1,"expert_id":1}\n', message: /found layer \{"toString":1\}, expected a whole number/ },
    { name: "steps nested 100,000 deep", content: () => `{"load_history":[{"logical_expert_load":[${"[".repeat(1e5)}${"]".repeat(1e5)}]}]}`, message: /found \[\[\[.*\.\.\., expected (loads|numbers)/ },
    { name: "a load of -1", content: () => '{"logical_count":[[1,-1,2,3]]}', message: /found load -1/ },
    { name: "a load of 1e400", content: () => '{"logical_count":[[1,1e400,2,3]]}', message: /found load Infinity/ },
    { name: "a load of 1e308", content: () => '{"logical_count":[[1,1e308,2,3]]}', message: /found load 1e\+308 of expert 1, expected 0 to 9007199254740991/ },
    { name: "an expert in hexadecimal", content: () => "layer_id,expert_id,count\n0,0x10,5\n", message: /found expert 0x10, expected/ },
    { name: "a weight that is no number", content: () => "layer_id,token_id,expert_0,expert_1\n0,0,0.5,NaN\n", message: /found NaN for expert 1, expected a weight/ },
    { name: "a negative weight", content: () => "layer_id,token_id,expert_0,expert_1\n0,0,0.5,-1\n", message: /found -1 for expert 1, expected a weight/ },
    {
      name: "a quote that never closes",
      content: () => `Layer ID,Batch Number,Token,Activated Expert IDs\n1,0,"${"a,b\n".repeat(1e6)}`,
      message: /^InputError: trace: found (Quote Not Closed|Max Record Size)/,
    },
    { name: "names that steer a terminal", content: () => '{"layer":0,"token":0,"experts":"\u001b[2J"}\n', message: /found \{"layer":0,"token":0,"experts":"\\x1b\[2J"\}/ },
  ]; // prettier-ignore

  for (const { name, file = "trace", content, message } of cases) {
    it(`are refused: ${name}`, async () => {
      expect(await failureOf(readFolder({ [file]: content() })))
        .to.match(/^InputError: /)
        .and.match(message);
    });
  }

  it("may be larger where an option says so", async () => {
    const content = '{"layer":2000,"token":0,"experts":[8000,7]}\n';
    const routing = await readFolder({ trace: content }, { maxExperts: 8192, maxLayers: 4096 });
    expect(routing.kind === "tokens" && routing.trace.numExperts).to.equal(8004);
  });

  it("may begin with a byte order mark", async () => {
    for (const content of [
      `\uFEFF${row}`,
      '\uFEFF{"logical_count":[[1,2,3,4]]}',
      "\uFEFF0\t1\t2\t3\t\t1\t1\t1\t1\n",
    ]) {
      const routing = await readFolder({ "weights_1.txt": content });
      expect(routing.report.layers.length + (routing.kind === "loads" ? 1 : 0), content).to.equal(1);
    }
  });
});

describe("hostile placement files", () => {
  const violationsOf = async (content: string | Uint8Array) =>
    (await verifyForeign(Buffer.from(content), "file", { numChiplets: 2 })).violations;

  it("of YAML are refused where aliases multiply, contain themselves or lead nowhere", async () => {
    const bomb = [
      "a: &a [1,1,1,1,1,1,1,1,1]",
      ..."bcdefghijk"
        .split("")
        .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghijk"[at]}`).join(",")}]`),
    ];
    const files = [
      `${bomb.join("\n")}\ninitial_global_assignments: {1: *k}\n`,
      "initial_global_assignments: &a {1: *a}\n",
      "initial_global_assignments: {1: *b}\n",
    ];
    for (const file of files) expect((await violationsOf(file))[0]).to.match(/^found no YAML/);
  });

  it("of YAML are refused where they nest deep, which ended the process", async () => {
    const head = "initial_global_assignments: ";
    const steps = Array.from({ length: 1000 }, (_, depth) => `${" ".repeat(depth + 1)}a:`);
    for (const body of [
      "[".repeat(5000),
      '{"a":'.repeat(4000),
      `\n${"- ".repeat(5000)}`,
      `\n${steps.join("\n")}`,
    ]) {
      expect(await violationsOf(head + body)).to.deep.equal([
        "found values nested more than 16 deep, expected a row of slots by layer",
      ]);
    }
  });

  it("that map slots are refused where they nest deep or have more keys than any model layers", async () => {
    const folder = mkdtempSync(join(tmpdir(), "moeplace-hostile-"));
    const keys = Array.from({ length: 50_000 }, (_, at) => `  ${at}: [1]`);
    for (const rows of [`{1: ${"[".repeat(300_000)}`, `\n${"- ".repeat(300_000)}`, `\n${keys.join("\n")}`]) {
      writeFileSync(join(folder, "map.yaml"), `initial_global_assignments: ${rows}\n`);
      const failure = await failureOf(readSlotMap(join(folder, "map.yaml")));
      expect(failure).to.match(
        /^InputError: .*: found (values nested more than 16 deep|more than 8192 keys), expected/,
      );
    }
    rmSync(folder, { recursive: true });
  });

  it("that place are read or refused where a number is a list nested 20,000 deep", async () => {
    const folder = mkdtempSync(join(tmpdir(), "moeplace-hostile-"));
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    writeFileSync(join(folder, "map.json"), `{"layers":[{"layer":${deep},"chiplets":[[0,1],[2,3]]}]}`);
    const failure = await failureOf(readSlotMap(join(folder, "map.json")));
    expect(failure).to.match(/^InputError: .*: found no slots of experts, expected/);
    const head = `"record_type":"eplb_initial_mapping","version":1,"num_slots":${deep}`;
    const offline = `{${head},"num_redundant_experts":0,"initial_global_assignments":{"0":[0,1,2,3]}}`;
    const { violations } = await verifyForeign(Buffer.from(offline), "file", { numChiplets: 2 });
    expect(violations.join("\n")).to.match(/num_slots says \[+\.\.\./);
    rmSync(folder, { recursive: true });
  });

  it("make no room for chiplets, experts and layers that are not there", async () => {
    const rows = Array.from({ length: 2000 }, (_, at) => `${at * 1000},1,65000,0`);
    const failure = await failureOf(
      verifyForeign(Buffer.from(`layer,expert,chiplet,slot\n${rows.join("\n")}\n`), "file"),
    );
    expect(failure).to.match(/^InputError: file: csv: found 2000 layers, expected 1 to 1024/);
    const ranks =
      '{"format":"moeplace.expert-permutation","version":1,"numExperts":1000000000,"numRanks":2,"layers":[]}';
    expect(await failureOf(violationsOf(ranks))).to.match(
      /^InputError: file: megatron: found 1000000000 experts/,
    );
  });

  it("list no more than 10,000 violations", async () => {
    const found = await violationsOf(
      JSON.stringify({ expert_to_ep_rank: new Array<number>(12_000).fill(7) }).replaceAll("7", "3000"),
    );
    expect(found.length).to.be.at.most(10_001);
    expect(found.at(-1)).to.match(/^and \d+ more$/);
  });
});
