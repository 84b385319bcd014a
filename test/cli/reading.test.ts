import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

describe("reading on the command line", () => {
  let place: Workplace;
  beforeEach(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
  });
  afterEach(() => {
    place.remove();
  });

  it("converts text to binary and back without loss, compressed or not", async () => {
    const names = ["trace.jsonl", "a.moeplace", "b.jsonl.gz", "c.moeplace.gz", "d.jsonl"];
    for (let step = 1; step < names.length; step++) {
      const { exitCode, stderr } = await place.run("convert", names[step - 1], "-o", names[step]);
      expect([exitCode, stderr]).to.deep.equal([0, ""]);
    }
    expect(place.readBytes("a.moeplace").toString("latin1", 0, 8)).to.equal("MOEPLACE");
    const original = await place.runJson("inspect", "trace.jsonl");
    const last = await place.runJson("inspect", "d.jsonl");
    expect({ ...(last as object), sources: [] }).to.deep.equal({ ...(original as object), sources: [] });
  });

  it("samples with --max-tokens, the same every time, and says so to people and as data", async () => {
    await place.run("convert", "trace.jsonl", "--max-tokens", "128", "-o", "a.jsonl");
    const again = await place.run("convert", "trace.jsonl", "--max-tokens", "128", "-o", "b.jsonl");
    expect(place.read("a.jsonl")).to.equal(place.read("b.jsonl"));
    expect(again.stderr).to.match(/^sampled: one block of 64 tokens in \d+ was kept in all layers/m);
    const commands = [
      ["inspect", "trace.jsonl"],
      ["place", "trace.jsonl", "--chiplets", "4", "-o", "p.json"],
      ["compare", "trace.jsonl", "--chiplets", "4"],
      ["evaluate", "trace.jsonl", "p.json"],
      ["schedule", "trace.jsonl", "p.json", "--model", "olmoe-1b-7b"],
    ];
    for (const command of commands) {
      const data = await place.runJson(...command, "--max-tokens", "128");
      expect(data, command[0]).to.have.property("sampledOneIn").greaterThan(1);
    }
    expect(await place.runJson("inspect", "trace.jsonl")).to.have.property("sampledOneIn", 1);
  });

  it("remembers in a converted file that it is a sample", async () => {
    const sample = (await place.runJson("inspect", "trace.jsonl", "--max-tokens", "128")) as object;
    const { sampledOneIn } = sample as { sampledOneIn: number };
    await place.run("convert", "trace.jsonl", "--max-tokens", "128", "-o", "a.jsonl");
    await place.run("convert", "a.jsonl", "-o", "b.moeplace");
    for (const file of ["a.jsonl", "b.moeplace"]) {
      expect(await place.runJson("inspect", file)).to.have.property("sampledOneIn", sampledOneIn);
    }
  });

  const npyHead = Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1");
  const bad: { name: string; file?: [string, Buffer]; args: string[]; message: RegExp }[] = [
    {
      name: "a file that is not there",
      args: ["no.jsonl", "-o", "x.jsonl"],
      message: /^no\.jsonl: found no such file, expected a trace/,
    },
    {
      name: "a damaged gzip file",
      file: ["bad.gz", Buffer.concat([gzipSync("x").subarray(0, 12), Buffer.alloc(20, 0xff)])],
      args: ["bad.gz", "-o", "x.jsonl"],
      message: /^bad\.gz: found .*, expected a whole gzip file/,
    },
    {
      name: "a .npy file with a damaged header",
      file: ["bad.npy", Buffer.concat([npyHead, Buffer.alloc(118, "{'descr': 'zzz'}")])],
      args: ["bad.npy", "-o", "x.jsonl"],
      message: /^bad\.npy: found an array of zzz, header .*zzz.*, expected numbers/,
    },
    {
      name: "a damaged binary trace",
      file: ["bad.moeplace", Buffer.concat([Buffer.from("MOEPLACE"), Buffer.from([1, 0, 0, 0, 8, 0, 0, 0]), Buffer.from('{"a": 1}')])], // prettier-ignore
      args: ["bad.moeplace", "-o", "x.jsonl"],
      message: /^bad\.moeplace: found a damaged header, expected moeplace binary/,
    },
    {
      name: "a name with an ending that tells no format",
      args: ["trace.jsonl", "-o", "x.csv"],
      message: /^--output: found x\.csv, expected a name that ends in \.jsonl, \.jsonl\.gz, \.moeplace or/,
    },
    {
      name: "a file that is there already",
      file: ["there.jsonl", Buffer.from("precious")],
      args: ["trace.jsonl", "-o", "there.jsonl"],
      message: /^there\.jsonl: found a file, expected none of that name/,
    },
    {
      name: "a folder that is not there",
      args: ["trace.jsonl", "-o", "no/x.jsonl"],
      message: /^no\/x\.jsonl: found no folder no, expected one to write into/,
    },
    {
      name: "fewer tokens than a block",
      args: ["trace.jsonl", "--max-tokens", "8", "-o", "x.jsonl"],
      message: /^--max-tokens: found 8, expected an integer of at least 64/,
    },
  ];
  for (const { name, file, args, message } of bad) {
    it(`convert answers ${name} in one line, with exit code 2, and writes nothing`, async () => {
      if (file) place.write(...file);
      const before = place.files();
      const { exitCode, stdout, stderr } = await place.run("convert", ...args);
      expect(stderr).to.match(message);
      expect(stderr.trim().split("\n").slice(1).join("")).to.match(/^(Maybe .*)?$/);
      expect([exitCode, stdout]).to.deep.equal([2, ""]);
      expect(place.files()).to.deep.equal(before);
    });
  }
});
