import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { copiesLines } from "../../bench/gpu-copies.js";
import { ascendKernels } from "../../bench/ascend.js";
import { machineOf } from "../../bench/gpu-case.js";
import { readGpuCases } from "../../bench/gpu-cases.js";
import { fileErrors, judge, summarise } from "../../bench/gpu-errors.js";
import { leftOutErrors } from "../../bench/gpu-left-out.js";
import { modelledThroughput, overlapCases, stepCases } from "../../bench/gpu-steps.js";
import { measuredFolder, plainKernels, readMeasured } from "../../bench/gpu-measured.js";
import { lowLatencyNs } from "../../lib/performance/collective.js";
import { drawHottestGpus } from "../../bench/power-law.js";

/** Largest mean error of each class of measurement, in the tables that are public. */
const limits: readonly (readonly [kernels: RegExp, mean: number])[] = [
  [/^lowLatency/, 0.08],
  [/^normal/, 0.1],
  [/^acrossServers/, 0.15],
  [/^fabric/, 0.1],
  [/^collectives/, 0.15],
  [/^experts.decode/, 0.05],
  [/^experts.prefill/, 0.15],
  [/^experts.fused/, 0.2],
  [/^published/, 0.3],
];

describe("bench:gpu", () => {
  let files: ReturnType<typeof readMeasured> = [];

  before(function () {
    if (!existsSync(measuredFolder)) this.skip();
    files = readMeasured(measuredFolder);
  });

  it("models every class of public measurement within its limit", () => {
    const judged = files.flatMap(({ cases }) => judge(cases));
    for (const [kernels, mean] of limits) {
      const found = judged.filter(({ kernel }) => kernels.test(kernel));
      expect(found.length, String(kernels)).to.be.above(0);
      for (const name of new Set(found.map(({ kernel }) => (kernel.startsWith("published") ? kernel : "")))) {
        const errors = found.filter(({ kernel }) => name === "" || kernel === name).map(({ error }) => error);
        expect(summarise(errors)?.meanError, `${String(kernels)} ${name}`).to.be.below(mean);
      }
    }
  });

  it("foretells what EFA adds from two exchanges: all others over it within 30 % in the mean, DeepEP V2 within 10 %", () => {
    const judged = files.flatMap(({ cases }) => judge(cases));
    const fitted = ({ kernel, groups, tokens }: (typeof judged)[number]) =>
      tokens === 128 && groups["ep"] === "16" && /V1 on EFA$|V2 on EFA$/.test(kernel);
    for (const [kernel, limit] of [
      ["published.DeepEP V1 on EFA", 0.3],
      ["published.DeepEP V2 on EFA", 0.1],
      ["published.UCCL", 0.25],
    ] as const) {
      const errors = judged
        .filter((found) => found.kernel === kernel && !fitted(found))
        .map(({ error }) => error);
      expect(summarise(errors)?.meanError, kernel).to.be.below(limit);
    }
  });

  it("foretells what Hybrid-EP's calls add from two exchanges: all others within 10 % in the mean", () => {
    const others = files
      .flatMap(({ cases }) => judge(cases))
      .filter(({ kernel, groups }) => kernel === "published.Hybrid-EP" && groups.ep !== "8")
      .map(({ error }) => error);
    expect(others).to.have.length.above(8);
    expect(summarise(others)?.meanError).to.be.below(0.1);
  });

  it("extrapolates to numbers of GPUs on a fabric, to compute units, top-k and widths that no fit saw", () => {
    const all = files.flatMap(({ cases }) => cases);
    for (const [kernel, machine, axis, limit] of [
      ["fabric.oneSided.dispatch", "gb200-nvl72", "ep", 0.05],
      ["fabric.oneSided.combine", "gb200-nvl72", "ep", 0.07],
      ["fabric.twoSided.dispatch", "gb200-nvl72", "ep", 0.06],
      ["fabric.twoSided.combine", "gb200-nvl72", "ep", 0.05],
      ["acrossServers.dispatch", "h100-8x8", "units", 0.05],
      ["acrossServers.combine", "h100-8x8", "units", 0.05],
      ["collectives.allGather", "h100-8x8", "ep", 0.1],
      ["collectives.reduceScatter", "b200-8x8", "ep", 0.1],
      ["lowLatency.combine", "h100-8x8", "topK", 0.05],
      ["normal.dispatch", "gb200-nvl72", "hidden", 0.04],
    ] as const) {
      const own = all.filter((found) => found.kernel === kernel && found.machine === machine);
      const errors = leftOutErrors(kernel, own, axis).flatMap((group) => group.errors);
      expect(summarise(errors)?.meanError, `${machine} ${kernel} by ${axis}`).to.be.below(limit);
    }
  });

  it("uses every row", () => {
    for (const { file, rows, cases } of files) {
      expect(new Set(judge(cases).map(({ row }) => row)).size, file).to.equal(rows);
    }
  });

  it("finds time linear in copies at fixed width", () => {
    const lines = copiesLines(files.flatMap(({ cases }) => cases));
    expect(lines).to.have.length.above(5);
    for (const { machine, way, hiddenSize, rSquared } of lines) {
      expect(rSquared, `${machine} ${way} ${hiddenSize}`).to.be.above(0.98);
    }
  });
});

describe("ascendKernels", () => {
  it("takes as long as its source says, on 8 dies and on 256", () => {
    const h800 = plainKernels("h800-8x8");
    const published = { dispatch: [116_000, 152_000], combine: [118_000, 149_000] };
    for (const way of ["dispatch", "combine"] as const) {
      const bytesPerCopy = way === "dispatch" ? 7680 : 14_336;
      const times = [8, 256].map((numGpus) =>
        lowLatencyNs(ascendKernels(h800, numGpus).lowLatency[way], {
          ...{ tokens: 128, topK: 8, bytesPerCopy, numExperts: 256, computeUnits: 132 },
          numGpus,
          gpusPerServer: numGpus,
        }),
      );
      times.forEach((ns, at) => expect(ns).to.be.closeTo(published[way][at], 1));
    }
  });
});

describe("stepCases", () => {
  it("are within 25 % of what deployments publish", () => {
    for (const published of stepCases) {
      const error = Math.abs(modelledThroughput(published) / published.tokensPerSecond - 1);
      expect(error, published.source).to.be.below(0.25);
    }
  });
});

describe("overlapCases", () => {
  it("gain from a second micro-batch, in decode within 6 % of what was published", () => {
    for (const { source, gain, ...cases } of overlapCases) {
      const modelled = modelledThroughput(cases.with) / modelledThroughput(cases.without);
      expect(modelled, source).to.be.above(1.05);
      if (source.includes("decode")) expect(modelled / (1 + gain[0]), source).to.be.within(0.94, 1.06);
    }
  });
});

describe("readGpuCases", () => {
  const head =
    "device,node_num,hidden_size,num_token,num_topk,num_experts,combine_avg_t_us,dispatch_avg_t_us";

  it("tells the machine from a column, or from the file's name", () => {
    const row = ",1,7168,128,8,256,70,40";
    const machines = (name: string, device: string) =>
      readGpuCases(name, `${head}\n${device}${row}`)!.cases.map(({ machine }) => machine);
    expect(machines("b300-one-server-low-latency.csv", "")).to.deep.equal(["b200-8x8", "b200-8x8"]);
    expect(machines("x.csv", "NVIDIA H200")).to.deep.equal(["h200-8x8", "h200-8x8"]);
    expect(["NVIDIA GB300", "NVIDIA H20", "h800_sxm", "MI355X", "abacus"].map(machineOf)).to.deep.equal([
      "gb200-nvl72",
      "h200-8x8",
      "h800-8x8",
      "mi300x-8x8",
      undefined,
    ]);
  });

  it("counts a row that holds no number as unused", () => {
    const text = `${head}\nNVIDIA H100,1,7168,128,8,256,70,40\nNVIDIA H100,1,7168,128,8,256,,\n`;
    const { rows, used, worstError } = fileErrors(readGpuCases("x.csv", text)!);
    expect([rows, used]).to.deep.equal([2, 1]);
    expect(worstError).to.be.below(0.2);
  });

  it("uses rows of other machines, EP sizes, formats and routers, whatever the order of columns and the ends of lines", () => {
    const usedOf = (lines: readonly string[]) => {
      const found = readGpuCases("x.csv", `\uFEFF${lines.join("\r\n")}\r\n`)!;
      const { rows, used } = fileErrors(found);
      return [rows, used];
    };
    const fabric =
      "latency,op_name,kernel_source,moe_dtype,num_tokens,hidden_size,topk,num_experts,moe_ep_size,inter_size";
    expect(
      usedOf([
        `${fabric},distribution,device`,
        "0.1,alltoall_dispatch,NVLinkOneSided,nvfp4,128,4096,10,512,2,2048,power_law_1.2,NVIDIA H200",
        "0.1,alltoall_combine_fp8,,float16,128,2880,4,128,48,2048,uniform,NVIDIA GB300",
        "0.1,moe_generation,deepepmoe,w4afp8,64,2048,22,512,72,2048,random,NVIDIA B200",
        ",moe_generation,deepepmoe,fp8_block,64,2048,8,128,8,2048,uniform,NVIDIA B200",
      ]),
    ).to.deep.equal([4, 3]);
    const skewed = "rank0_num_tokens,num_slots,moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts";
    expect(
      usedOf([
        `${skewed},moe_ep_size,distribution,latency`,
        ",,fp8_block,512,2048,768,8,128,16,balanced,0.1",
        ",290,fp8_block,512,2048,768,8,256,16,power_law_1.2_eplb,0.1",
        "9,,fp8_block,,2048,768,8,256,16,power_law_1.2,0.1",
      ]),
    ).to.deep.equal([3, 2]);
    expect(
      usedOf([
        "hidden_size,num_token,num_topk,num_experts,dispatch_transmit_us,combine_transmit_us,device",
        "8192,64,22,512,60,80,NVIDIA A100",
        "8192,64,22,512,60,,NVIDIA A100",
        "8192,64,22,16,60,80,NVIDIA A100",
      ]),
    ).to.deep.equal([3, 2]);
    expect(
      usedOf([
        "nccl_dtype,op_name,num_gpus,message_size,latency",
        "half,all_reduce,8,4096,0.02",
        "float,alltoall,64,4096,0.02",
        "half,broadcast,8,4096,0.02",
      ]),
    ).to.deep.equal([3, 2]);
  });

  it("takes links and adapters of published machines at the rates that are printed of them", () => {
    const published = "machine,nodes,ep,mode,hidden,topk,experts,tokens_per_rank,dispatch_us,dispatch_GBps";
    const timeOf = (rates: string, nodes: number) =>
      readGpuCases(
        "x.csv",
        `${published},intra_GBps,inter_GBps_per_gpu\nA100,${nodes},${8 * nodes},LL,7168,8,256,128,99,,${rates}\n`,
      )!.cases[0].modelNs(plainKernels("h100-8x8"));
    expect(timeOf("150,50", 1)).to.be.above(1.3 * timeOf("450,50", 1));
    expect(timeOf("450,25", 4)).to.be.above(1.5 * timeOf("450,50", 4));
    expect(timeOf(",", 4)).to.equal(timeOf("450,50", 4));
  });

  it("knows no file of other columns, and skips it in a folder", () => {
    expect(readGpuCases("x.csv", "a,b\n1,2\n")).to.equal(undefined);
    const folderOfOne = mkdtempSync(join(tmpdir(), "moeplace-"));
    writeFileSync(join(folderOfOne, "other.csv"), "a,b\n1,2\n");
    writeFileSync(join(folderOfOne, "h20-decode.csv"), `${head}\n,1,7168,128,8,256,70,40\n`);
    const files = readMeasured(folderOfOne).map(({ file }) => file);
    rmSync(folderOfOne, { recursive: true });
    expect(files).to.deep.equal(["h20-decode.csv"]);
    expect(readMeasured(join(tmpdir(), "no such folder"))).to.deep.equal([]);
  });
});

describe("drawHottestGpus", () => {
  const routing = {
    tokens: 512,
    numExperts: 256,
    topK: 8,
    numGpus: 32,
    alpha: 1.2,
    remainder: "most first",
  } as const;

  it("gives the same draws for the same seed, with no more rows than there are", () => {
    const draws = drawHottestGpus(routing, 4);
    expect(draws).to.deep.equal(drawHottestGpus(routing, 4));
    for (const { rows, tokens } of draws) {
      const total = rows.reduce((sum, row) => sum + row, 0);
      expect(total).to.be.within((512 * 8) / 32, 512 * 8);
      expect(tokens).to.be.within(0, 512);
    }
  });

  it("has fewer rows on the busiest GPU where experts are balanced, and fewest with replicas", () => {
    const rowsOf = (numSlots?: number) =>
      drawHottestGpus({ ...routing, tokens: 8192, ...(numSlots !== undefined && { numSlots }) }, 8)
        .flatMap(({ rows }) => [...rows])
        .reduce((sum, row) => sum + row, 0);
    expect(rowsOf(256)).to.be.below(rowsOf());
    expect(rowsOf(288)).to.be.below(rowsOf(256));
  });
});
