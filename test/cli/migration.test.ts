import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

interface PlacedFrom {
  migration: {
    moves: number;
    transfers: number;
    layers: { layer: number; moves: number; steps: { kind: string }[] }[];
  };
  learned: { tokenReplication: number };
}

interface Timed {
  objective: string;
  time: { learnedNs: number };
}

describe("place from a running placement", () => {
  let place: Workplace;
  beforeEach(async () => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
    await place.run(
      "place",
      "trace.jsonl",
      "--chiplets",
      "4",
      "--solver",
      "contiguous",
      "-o",
      "running.json",
    );
  });
  afterEach(() => {
    place.remove();
  });

  it("moves no more experts than allowed, and gains with every one", async () => {
    const placed = await Promise.all(
      ["0", "2", "8"].map(
        (maxMoves) => place.runJson(...from, "--max-moves", maxMoves) as Promise<PlacedFrom>,
      ),
    );
    expect(placed[0].migration.moves).to.equal(0);
    for (const { moves } of placed[1].migration.layers) expect(moves).to.be.at.most(2);
    const costs = placed.map(({ learned }) => learned.tokenReplication);
    expect(costs[1]).to.be.lessThan(costs[0]);
    expect(costs[2]).to.be.lessThan(costs[1]);
  });

  it("writes the moves in order, and says how many they are", async () => {
    const { stdout } = await place.run(...from, "--moves", "moves.json", "-o", "new.json");
    expect(stdout).to.match(/moves \d+ experts from where running\.json has them, in \d+ transfers\n/);
    expect(stdout).to.match(/\nlayer 1: swap \d on \d with \d on \d(;|\n)/);
    const plan = JSON.parse(place.read("moves.json")) as PlacedFrom["migration"] & { format: string };
    expect(plan.format).to.equal("moeplace.migration");
    expect(plan.layers.map(({ layer }) => layer)).to.deep.equal([1, 2]);
    expect(plan.layers[0].steps.every(({ kind }) => kind === "swap")).to.be.true;
    expect(((await place.runJson(...from.slice(0, -1), "new.json")) as PlacedFrom).migration.moves).to.equal(
      0,
    );
  });

  it("moves few experts for what is asked: time, even loads of tokens, and loads without tokens", async () => {
    const timed = [
      ...["place", "trace.jsonl", "--chiplets", "4", "--groups", "1"],
      ...["--model", "deepseek-moe-16b", "--hardware", "h100-8x8"],
    ];
    await place.run(...timed, "--solver", "random", "--seed", "2", "-o", "random.json");
    const told = await Promise.all(
      [
        ["--from", "random.json", "--max-moves", "0"],
        ["--from", "random.json", "--max-moves", "2"],
        ["--from", "random.json"],
        [],
      ].map(async (args) => (await place.runJson(...timed, ...args)) as PlacedFrom & Timed),
    );
    expect(told.map(({ objective }) => objective)).to.deep.equal(Array(4).fill("time"));
    expect(told[1].migration.moves).to.be.within(1, 4);
    const [still, few, free, plain] = told.map(({ time }) => time.learnedNs);
    expect(few).to.be.below(still);
    expect(free).to.be.at.most(few);
    expect(free).to.be.at.most(plain);

    const byTokens = (await place.runJson(
      ...from,
      "--max-moves",
      "2",
      "--objective",
      "balance",
    )) as PlacedFrom & { placement: { layers: { load: { cost: number } }[] } };
    for (const { moves } of byTokens.migration.layers) expect(moves).to.be.at.most(2);
    const withReplicas = (await place.runJson(
      ...from,
      ...["--max-moves", "6", "--objective", "balance", "--replicas", "4"],
    )) as PlacedFrom;
    for (const { moves } of withReplicas.migration.layers) expect(moves).to.be.within(4, 6);
    // 1, 1, 1 and 9 of two experts each: the busiest gives up its lighter one.
    place.write(
      "loads.json",
      JSON.stringify({ logical_count: [0, 1, 2].map(() => [5, 5, 5, 5, 5, 5, 60, 30]) }),
    );
    const even = ["place", "loads.json", "--chiplets", "4", "--objective", "balance"];
    await place.run(...even, "--solver", "contiguous", "-o", "loads-running.json");
    const byLoads = (await place.runJson(
      ...even,
      ...["--from", "loads-running.json", "--max-moves", "2"],
    )) as PlacedFrom & { layers: { loadMaxOverMean: number }[] };
    expect(byLoads.migration.layers.map(({ moves }) => moves)).to.deep.equal([2, 2, 2]);
    for (const { loadMaxOverMean } of byLoads.layers) expect(loadMaxOverMean).to.be.closeTo(65 / 30, 1e-12);
  });

  it("asks for GPUs where an engine is to load it, or takes the machine that the running placement remembers", async () => {
    const alone = ["place", "trace.jsonl", "--for", "sglang", "--solver", "contiguous"];
    const { exitCode, stderr } = await place.run(...alone);
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("--for sglang: found no --hardware, expected a machine of GPUs");
    expect(stderr).to.match(/Maybe pass --hardware h100-8x8, .*gb200-nvl72/);
    const onGpus = [...alone, "--hardware", "h100-8x8", "--chiplets", "4"];
    expect((await place.run(...onGpus, "-o", "gpus.json")).exitCode).to.equal(0);
    const next = (await place.runJson(...alone, "--from", "gpus.json")) as Record<string, unknown>;
    expect(next).to.deep.include({ hardware: "h100-8x8", numChiplets: 4 });
    const remembered = (await place.runJson("place", "trace.jsonl", "--from", "running.json")) as object;
    expect(remembered).to.deep.include({ numChiplets: 4 });
  });

  it("keeps the step and the objective that the running placement was made for, where no other is told", async () => {
    const onGpus = [
      "--hardware",
      "h100-8x8",
      "--chiplets",
      "4",
      "--groups",
      "1",
      "--model",
      "deepseek-moe-16b",
    ];
    const step = ["--workload", "decode", "--tokens", "32", "--kv-length", "500", "--dispatch-format", "fp8"];
    await place.run(
      "place",
      "trace.jsonl",
      ...onGpus,
      ...step,
      "--objective",
      "balance",
      "-o",
      "decode.json",
    );
    const toldBy = async (...args: string[]) => {
      const told = await place.runJson("place", "trace.jsonl", "--from", "decode.json", ...args);
      return told as { objective: string; workload: Record<string, unknown> };
    };
    const model = ["--model", "deepseek-moe-16b"];
    const { objective, workload } = await toldBy(...model);
    expect(objective).to.equal("balance");
    expect(workload).to.deep.include({ phase: "decode", tokensPerChiplet: 32, kvLength: 500 });
    expect(workload["formats"]).to.deep.include({ dispatch: "fp8" });
    const longer = await toldBy(...model, "--kv-length", "900", "--objective", "time");
    expect(longer.objective).to.equal("time");
    expect(longer.workload).to.deep.include({ phase: "decode", tokensPerChiplet: 32, kvLength: 900 });
    const { workload: prefill } = await toldBy(...model, "--workload", "prefill");
    expect(prefill).to.deep.include({ phase: "prefill", tokensPerChiplet: 8192 });
    expect((await toldBy(...onGpus)).workload).to.deep.include({ phase: "decode", tokensPerChiplet: 32 });
    const other = onGpus.map((word) => (word === "h100-8x8" ? "h200-8x8" : word));
    expect((await toldBy(...other)).workload).to.deep.include({ phase: "prefill" });
  });

  it("keeps what a solver minimised, whichever it was, but nothing of what a rule left", async () => {
    const model = ["--model", "deepseek-moe-16b"];
    for (const [solver, kept] of [
      ["local-search", "traffic"],
      ["contiguous", "time"],
    ]) {
      const made = ["--solver", solver, "-o", `${solver}.json`];
      await place.run("place", "trace.jsonl", "--chiplets", "4", ...model, ...made);
      const moved = ["--from", `${solver}.json`, "--max-moves", "2", ...model];
      const { objective } = (await place.runJson("place", "trace.jsonl", ...moved)) as { objective: string };
      expect(objective, solver).to.equal(kept);
    }
  });

  it("goes to another number of chiplets with the fewest moves, and begins at the answer of EPLB", async () => {
    const grown = ["place", "trace.jsonl", "--from", "running.json", "--chiplets", "8", "--max-moves", "4"];
    const { migration } = (await place.runJson(...grown, "-o", "grown.json")) as PlacedFrom;
    // Two layers, and from each of four chiplets one of its two experts leaves.
    expect(migration.moves).to.equal(8);
    const slots = [
      [0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2],
      [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3],
    ];
    place.write("answer.json", eplbAnswer(slots, 8));
    const answered = ["--from", "answer.json", "--ranks", "4", "--chiplets", "4"];
    const { exitCode, stderr } = await place.run(
      "place",
      "trace.jsonl",
      ...answered,
      "--replicas",
      "4",
      "-o",
      "next.json",
    );
    expect(stderr).to.include("1 slot holds an expert that is on the same chiplet already");
    expect(exitCode).to.equal(0);
    const evaluated = await place.run("evaluate", "trace.jsonl", "answer.json", "--ranks", "4");
    expect(evaluated.stdout).to.include("answer.json");
    expect(evaluated.exitCode).to.equal(0);
    expect(evaluated.stderr).to.include(
      "answer.json: tells neither machine nor step; h100-8x8 in prefill is assumed",
    );
    // What runs now has as many ranks as what it is compared with.
    const compared = await place.run("evaluate", "trace.jsonl", "next.json", "--from", "answer.json");
    expect([compared.exitCode, compared.stdout], compared.stderr).to.satisfy(
      ([code, text]: [number, string]) => code === 0 && /answer\.json +next\.json/.test(text),
    );
    const onWafer = ["--ranks", "4", "--hardware", "mozart-deepseek"];
    const told = await place.run("evaluate", "trace.jsonl", "answer.json", ...onWafer);
    expect(told.stderr).to.not.include("assumed");
  });

  it("pays back by the time of as many tokens where the machine grows, and never where it shrinks", async () => {
    const onGpus = ["place", "trace.jsonl", "--hardware", "h100-8x8", "--model", "deepseek-moe-16b"];
    const payBackOf = async (...args: string[]) => {
      const placed = (await place.runJson(...onGpus, "--solver", "contiguous", ...args)) as {
        migration: { ns: number; payBackSteps: number | null };
      };
      expect(placed.migration.ns).to.be.greaterThan(0);
      return placed.migration.payBackSteps;
    };
    await place.run(
      ...onGpus,
      "--solver",
      "contiguous",
      "--chiplets",
      "2",
      "--groups",
      "1",
      "-o",
      "two.json",
    );
    await place.run(
      ...onGpus,
      "--solver",
      "contiguous",
      "--chiplets",
      "4",
      "--groups",
      "1",
      "-o",
      "four.json",
    );
    expect(await payBackOf("--from", "two.json", "--chiplets", "4", "--groups", "1")).to.be.greaterThan(0);
    expect(await payBackOf("--from", "four.json", "--chiplets", "2", "--groups", "1")).to.equal(null);
  });

  it("refuses options that do not go together, and leaves no file behind", async () => {
    for (const [args, message] of [
      [["--max-moves", "2"], "--max-moves: found no --from"],
      [["--moves", "moves.json"], "--moves: found no --from"],
      [
        ["--from", "running.json", "--chiplets", "8", "--max-moves", "3"],
        "--max-moves: found 3, expected at least 4: so many experts of layer",
      ],
      [
        ["--from", "running.json", "--max-moves", "3", "--replicas", "4"],
        "have to leave their chiplet or are replicas that it lacks of those asked for\nMaybe raise --max-moves to 4.",
      ],
    ] as const) {
      const { exitCode, stderr } = await place.run("place", "trace.jsonl", ...args, "-o", "new.json");
      expect(stderr).to.contain(message);
      expect(exitCode, message).to.equal(2);
    }
    expect(place.files()).to.deep.equal(["running.json", "trace.jsonl"]);
  });
});

const from = ["place", "trace.jsonl", "--chiplets", "4", "--from", "running.json"];

/** What EPLB hands out for slots: the slots of every expert, and how many they are. */
function eplbAnswer(phy2log: readonly number[][], numExperts: number): string {
  const slotsOf = phy2log.map((row) =>
    Array.from({ length: numExperts }, (_, expert) =>
      row.flatMap((held, slot) => (held === expert ? [slot] : [])),
    ),
  );
  const most = slotsOf.flat().reduce((longest, { length }) => Math.max(longest, length), 0);
  return JSON.stringify({
    phy2log,
    log2phy: slotsOf.map((own) =>
      own.map((slots) => [...slots, ...Array<number>(most).fill(-1)].slice(0, most)),
    ),
    logcnt: slotsOf.map((own) => own.map(({ length }) => length)),
  });
}
