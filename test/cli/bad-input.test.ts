import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type CliResult, type Workplace } from "./run-cli.js";

describe("bad input on the command line", () => {
  let place: Workplace;
  let filesBefore: string[];
  const results = new Map<string, CliResult>();
  before(async () => {
    place = openWorkplace();
    place.write("good.jsonl", traceText(sampleTrace()));
    place.write("hardware.json", '{"name": "half a machine", "numGroups": 4}');
    const rows = {
      "unreadable.jsonl": ['{"layer":0,"token":0,"experts":[0,1]}', '{"layer":0,"token":1,"experts":[0,'],
      "range.jsonl": ['{"layer":0,"token":0,"experts":[0,8]}'],
      "twice.jsonl": ['{"layer":0,"token":0,"experts":[3,3]}'],
      "width.jsonl": ['{"layer":0,"token":0,"experts":[0,1]}', '{"layer":1,"token":0,"experts":[0,1,2]}'],
      "empty.jsonl": [],
    };
    const header = '{"num_experts":8,"top_k":2}';
    for (const [name, lines] of Object.entries(rows)) place.write(name, `${[header, ...lines].join("\n")}\n`);
    place.write("nothing.jsonl", "");
    filesBefore = place.files();
    for (const { name, args } of cases) results.set(name, await place.run(...args));
  });
  after(() => {
    place.remove();
  });

  const cases: { name: string; args: string[]; message: RegExp; advice?: RegExp }[] = [
    {
      name: "a missing file",
      args: ["compare", "no.jsonl"],
      message: /^no\.jsonl: found no such file, expected a trace$/,
    },
    {
      name: "an unreadable line",
      args: ["compare", "unreadable.jsonl"],
      message: /^unreadable\.jsonl:3: .*expected/,
    },
    {
      name: "an expert id out of range",
      args: ["compare", "range.jsonl"],
      message: /^range\.jsonl:2: expert 8 is out of range \[0, 8\)$/,
      advice: /^Maybe .*--first-expert 1/,
    },
    {
      name: "an expert twice in a token",
      args: ["compare", "twice.jsonl"],
      message: /^twice\.jsonl:2: expert 3 .*twice/,
    },
    { name: "an empty trace", args: ["inspect", "empty.jsonl"], message: /^empty\.jsonl: found no tokens/ },
    {
      name: "an empty file",
      args: ["inspect", "nothing.jsonl"],
      message: /^nothing\.jsonl: found an empty file/,
    },
    {
      name: "layers of different width",
      args: ["compare", "width.jsonl"],
      message: /^width\.jsonl:3: found 3 experts/,
    },
    {
      name: "a hardware file with a missing field",
      args: ["compare", "good.jsonl", "--hardware", "hardware.json"],
      message: /^hardware\.json: missing field \w+/,
    },
    {
      name: "more experts than slots",
      args: ["compare", "good.jsonl", "--chiplets", "4", "--slots", "1"],
      message: /^--slots: found 4 chiplets x 1 slots = 4, expected at least 8, one for every expert$/,
      advice: /^Maybe raise --slots or --slots-per-chiplet to 2\.$/,
    },
    {
      name: "an unknown solver",
      args: ["compare", "good.jsonl", "--solver", "magic"],
      message: /^--solver: found magic, expected one of contiguous, random, .*louvain/,
    },
    {
      name: "several solvers where one is to place",
      args: ["place", "good.jsonl", "--solver", "contiguous,louvain"],
      message: /^--solver: found contiguous,louvain, expected one$/,
      advice: /^Maybe compare them: moeplace compare takes several, --solver contiguous louvain\.$/,
    },
    {
      name: "an unknown preset",
      args: ["synth", "--preset", "gpt-2", "-o", "x.jsonl"],
      message: /^--preset: found gpt-2, expected one of qwen3-30b-a3b, /,
    },
    {
      name: "an evaluation of nothing",
      args: ["evaluate", "good.jsonl"],
      message: /^evaluate: found no placement file among the files, expected at least one$/,
    },
    {
      name: "an objective that needs a known model",
      args: ["place", "good.jsonl", "--objective", "time", "-o", "x.json"],
      message: /^--objective: found time, expected a model whose sizes are known$/,
      advice: /^Maybe pass --model NAME\.$/,
    },
    {
      name: "unknown hardware",
      args: ["compare", "good.jsonl", "--hardware", "abacus"],
      message: /^--hardware: found abacus, expected one of mozart-qwen3, .*, or a \.json file$/,
    },
    {
      name: "an unknown model",
      args: ["compare", "good.jsonl", "--model", "gpt-2"],
      message: /^--model: found gpt-2, expected one of qwen3-30b-a3b, /,
    },
    {
      name: "chiplets that do not divide into groups",
      args: ["compare", "good.jsonl", "--chiplets", "6", "--groups", "4"],
      message: /^--chiplets: found 6 in 4 groups, expected groups of equal size$/,
      advice: /^Maybe pass --chiplets 4 or 8, or pass --groups 1, 2, 3, 6/,
    },
    {
      name: "an option that is no number",
      args: ["compare", "good.jsonl", "--chiplets", "many"],
      message: /^--chiplets: found many, expected an integer of at least 1$/,
    },
    {
      name: "a holdout that leaves nothing",
      args: ["compare", "good.jsonl", "--holdout", "1"],
      message: /^--holdout: found 1, expected a number in \[0, 1\)$/,
    },
    {
      name: "a pin that is none",
      args: ["compare", "good.jsonl", "--pin", "3"],
      message: /^--pin: found 3, expected EXPERT:CHIPLET, e\.g\. 12:3$/,
    },
    {
      name: "an unknown command",
      args: ["inspct"],
      message: /^moeplace: unknown command 'inspct'$/,
      advice: /^Maybe you mean inspect\.$/,
    },
    {
      name: "an unknown option",
      args: ["inspect", "--fast"],
      message: /^moeplace: unknown option '--fast'$/,
    },
    {
      name: "an unknown export format",
      args: ["export", "p.json", "--to", "floppy", "-o", "x.json"],
      message: /^--to: found floppy, expected one of sglang, vllm, /,
    },
    {
      name: "a placement that is a trace",
      args: ["export", "good.jsonl", "--to", "csv", "-o", "x.csv"],
      message: /^good\.jsonl: found no JSON, expected a placement file/,
    },
    {
      name: "an output into a folder that is not there",
      args: ["export", "good.jsonl", "--to", "csv", "-o", "no/x.csv"],
      message: /^no\/x\.csv: found no folder no, expected one to write into$/,
    },
    {
      name: "an output over its own input, whatever is forced",
      args: ["convert", "good.jsonl", "-o", "good.jsonl", "--force"],
      message: /^good\.jsonl: found an input, expected another file to write$/,
    },
    {
      name: "an output over a file that is read besides",
      args: ["place", "good.jsonl", "--hardware", "hardware.json", "-o", "hardware.json", "--force"],
      message: /^hardware\.json: found an input, expected another file to write$/,
    },
    {
      name: "a launch longer than any",
      args: ["compare", "good.jsonl", "--launch", "1e10"],
      message: /^--launch: found 1e10, expected a number in \[0, 1000000000\)$/,
    },
    {
      name: "prompts of a step that decodes",
      args: ["compare", "good.jsonl", "--workload", "decode", "--prompt-length", "77"],
      message: /^--prompt-length: found --workload decode, expected prefill or train$/,
      advice: /^Maybe pass --kv-length/,
    },
    {
      name: "groups of a router that do not divide, which a thread finds out",
      args: ["place", "good.jsonl", "--chiplets", "4", "--router-groups", "3", "--solver", "mozart"],
      message: /^--router-groups: found 3 of 8 experts on 4 chiplets in groups of 1, expected numbers that/,
    },
    {
      name: "an output over a file that is there",
      args: ["export", "good.jsonl", "--to", "csv", "-o", "hardware.json"],
      message: /^hardware\.json: found a file, expected none of that name$/,
      advice: /^Maybe pass --force to overwrite it\.$/,
    },
  ];
  for (const { name, message, advice } of cases) {
    it(`answers ${name} with one line and exit code 2`, () => {
      const { exitCode, stdout, stderr } = results.get(name)!;
      const [first, second, ...rest] = stderr.split("\n").filter((line) => !/bytes and time need/.test(line));
      expect(first).to.match(message);
      if (advice !== undefined) expect(second).to.match(advice);
      else expect(second === "" || second.startsWith("Maybe ")).to.be.true;
      expect(rest.join("")).to.equal("");
      expect(stdout).to.equal("");
      expect(exitCode).to.equal(2);
    });
  }

  it("leaves no file behind and changes none", () => {
    expect(place.files()).to.deep.equal(filesBefore);
    expect(place.read("good.jsonl")).to.equal(traceText(sampleTrace()));
  });
});
