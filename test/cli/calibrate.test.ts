import { expect } from "chai";
import { plainNumbers } from "../../lib/hardware/constant.js";
import type { GpuKernels } from "../../lib/hardware/kernels.js";
import { parseHardware } from "../../lib/hardware/parse.js";
import { findHardware } from "../../lib/hardware/presets.js";
import type { Calibration, TimedCase } from "../../lib/performance/calibrate.js";
import { timedNs } from "../../lib/performance/calibrate.js";
import { createRandom } from "../../lib/random.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

const head = "kernel,time_us,tokens,hidden,topk,experts,gpus,servers,width";

/** Timings of a machine that has slower links, a higher floor and less memory bandwidth than an H100, 2 % of noise. */
function timings(): string[] {
  const kernels = plainNumbers<GpuKernels>(findHardware("h100-8x8")!.kernels!);
  const { lowLatency, normal, experts } = kernels;
  const slower: GpuKernels = {
    ...kernels,
    lowLatency: { ...lowLatency, dispatch: { ...lowLatency.dispatch, floorNs: 20_000, linkBytesPerNs: 150 } },
    normal: { ...normal, combine: { ...normal.combine, floorNs: 40_000, readNsPerByte: 0.006 } },
    experts: { ...experts, decode: { ...experts.decode, floorNs: 30_000, memoryBytesPerNs: 2000 } },
  };
  const random = createRandom(7);
  return (["low-latency-dispatch", "normal-combine", "decode-experts"] as const).flatMap((kernel) =>
    [1, 8, 32, 64, 128, 256, 512, 1024].map((tokens) => {
      const timed: TimedCase = {
        kernel,
        tokens,
        measuredNs: 1,
        hiddenSize: 4096,
        topK: 8,
        numExperts: 128,
        numGpus: 8,
        numServers: 1,
        bytesPerCopy: kernel === "normal-combine" ? 8192 : 4224,
        computeUnits: 24,
        expertWidth: 1536,
        bytesPerWeight: 1,
      };
      const us = (timedNs(slower, timed) / 1000) * (1 + 0.02 * random.normal());
      return [kernel, us.toFixed(3), tokens, 4096, 8, 128, 8, 1, 1536].join(",");
    }),
  );
}

describe("moeplace calibrate", () => {
  let place: Workplace;
  before(() => {
    place = openWorkplace();
    place.write("cases.csv", `${[head, ...timings()].join("\n")}\n`);
  });
  after(() => {
    place.remove();
  });

  it("fits a machine to timings, and writes one that is read again", async () => {
    const printed = await place.runJson("calibrate", "cases.csv", "-o", "mine.json");
    const { calibrations } = printed as { calibrations: Calibration[] };
    expect(calibrations.map(({ path }) => path)).to.deep.equal([
      "lowLatency.dispatch",
      "normal.combine",
      "experts.decode",
    ]);
    for (const { path, numCases, meanErrorBefore, meanError } of calibrations) {
      expect(numCases, path).to.equal(8);
      expect(meanErrorBefore, path).to.be.above(0.1);
      expect(meanError, path).to.be.below(0.04);
    }
    const machine = await parseHardware(JSON.parse(place.read("mine.json")), "mine.json");
    expect(machine.name).to.equal("mine");
    const { floorNs } = machine.kernels!.lowLatency.dispatch;
    expect(floorNs.value).to.be.closeTo(20_000, 4000);
    expect(floorNs).to.include({ trust: "fitted", source: "fitted to cases.csv" });
    expect(machine.kernels!.lowLatency.combine).to.deep.equal(
      findHardware("h100-8x8")!.kernels!.lowLatency.combine,
    );
  });

  it("fits what a fabric runs, over all its trays, where the machine is one", async () => {
    const { fabric, ...others } = plainNumbers<GpuKernels>(findHardware("gb200-nvl72")!.kernels!);
    const { oneSided, ...twoSided } = fabric!;
    const combine = { ...oneSided.combine, floorNs: 20_000, linkBytesPerNs: 500 };
    const slower: GpuKernels = { ...others, fabric: { ...twoSided, oneSided: { ...oneSided, combine } } };
    const rows = [64, 256, 1024, 2048, 4096, 8192].flatMap((tokens) =>
      [8, 32].map((numGpus) => {
        const timed: TimedCase = {
          ...{ kernel: "normal-combine", tokens, numGpus, numServers: numGpus / 4, measuredNs: 1 },
          ...{ hiddenSize: 7168, topK: 8, numExperts: 256, bytesPerCopy: 14_336, computeUnits: 24 },
          ...{ expertWidth: 1, bytesPerWeight: 1 },
        };
        const us = timedNs(slower, timed) / 1000;
        return ["normal-combine", us.toFixed(3), tokens, 7168, 8, 256, numGpus, numGpus / 4, 1].join(",");
      }),
    );
    place.write("fabric.csv", `${[head, ...rows].join("\n")}\n`);
    const on = ["--hardware", "gb200-nvl72", "-o", "fabric.json"];
    const printed = (await place.runJson("calibrate", "fabric.csv", ...on)) as {
      calibrations: Calibration[];
    };
    expect(printed.calibrations.map(({ path }) => path)).to.deep.equal(["fabric.oneSided.combine"]);
    expect(printed.calibrations[0].meanErrorBefore).to.be.above(0.1);
    expect(printed.calibrations[0].meanError).to.be.below(0.01);
    const machine = await parseHardware(JSON.parse(place.read("fabric.json")), "fabric.json");
    expect(machine.kernels!.fabric!.oneSided.combine.linkBytesPerNs.value).to.be.closeTo(500, 20);
  });

  it("moves only as many constants as there are pairs of times", async () => {
    place.write("few.csv", `${[head, ...timings().slice(2, 4)].join("\n")}\n`);
    const printed = await place.runJson("calibrate", "few.csv", "-o", "few.json");
    expect((printed as { calibrations: Calibration[] }).calibrations[0].fitted).to.deep.equal(["floorNs"]);
  });

  it("tells kernels by their names in the file, and those over several servers apart", async () => {
    const rows = ["low-latency-dispatch", "low-latency-combine"].flatMap((kernel) =>
      [1, 2].flatMap((servers) =>
        [64, 128].map(
          (tokens) => `${kernel},${90 * servers},${tokens},4096,8,128,${8 * servers},${servers},`,
        ),
      ),
    );
    place.write("servers.csv", `${[head, ...rows].join("\n")}\n`);
    const { exitCode, stdout, stderr } = await place.run("calibrate", "servers.csv", "-o", "servers.json");
    expect(exitCode, stderr).to.equal(0);
    expect(stdout.match(/^low\S+ +\w+/gm)?.map((line) => line.split(/ +/))).to.deep.equal(
      ["low-latency-dispatch", "low-latency-combine"].flatMap((kernel) => [
        [kernel, "one"],
        [kernel, "several"],
      ]),
    );
  });

  it("writes no machine where nothing was fitted, or times are in another unit", async () => {
    const refused = async (rows: readonly string[]) => {
      place.write("refused.csv", `${[head, ...rows].join("\n")}\n`);
      const { exitCode, stderr } = await place.run("calibrate", "refused.csv", "-o", "never.json");
      expect(exitCode).to.equal(2);
      expect(place.files()).to.not.include("never.json");
      return stderr;
    };
    const row = (time: number) => `low-latency-dispatch,${time},128,4096,8,128,8,1,`;
    expect(await refused([row(50)])).to.match(
      /^refused\.csv: found 1 time of low-latency-dispatch, expected two or more of a kernel: /,
    );
    // Right ones do not hide one that is in milliseconds, or nanoseconds.
    expect(await refused([row(50), row(51), row(0.05)])).to.match(
      /^refused\.csv:4: found time_us 0\.05, expected microseconds: h100-8x8 is modelled to take \S+, \S+ times as long\nMaybe it is in milliseconds/,
    );
    expect(await refused([row(50_000)])).to.match(/times as short\nMaybe it is in nanoseconds/);
  });

  it("says where times are no machine's", async () => {
    const times = [20, 400, 30, 600, 25, 900];
    const rows = times.map((time, index) => `low-latency-dispatch,${time},${64 + index},4096,8,128,8,1,`);
    place.write("odd.csv", `${[head, ...rows].join("\n")}\n`);
    const { stderr } = await place.run("calibrate", "odd.csv", "-o", "odd.json");
    expect(stderr).to.match(
      /low-latency-dispatch: with \S+ % of mean error the machine is no model of these/,
    );
  });

  it("names the row and the column of what it cannot read", async () => {
    place.write("bad.csv", `${head}\nnormal-dispatch,12,-4,4096,8,128,8,1,\n`);
    place.write("kernel.csv", `${head}\nabacus,12,4,4096,8,128,8,1,\n`);
    place.write("width.csv", `${head}\ndecode-experts,12,4,4096,8,128,8,1,\n`);
    place.write("divide.csv", `${head}\nnormal-dispatch,12,4,4096,8,100,8,1,\n`);
    const messageOf = async (name: string) => {
      const { exitCode, stderr } = await place.run("calibrate", name, "-o", "never.json");
      expect(exitCode).to.equal(2);
      return stderr;
    };
    expect(await messageOf("bad.csv")).to.match(/bad.csv:2: column tokens is -4, expected a number above 0/);
    expect(await messageOf("kernel.csv")).to.match(/kernel.csv:2: kernel is abacus, expected one of low-/);
    expect(await messageOf("width.csv")).to.match(/width.csv:2: column width is/);
    expect(await messageOf("divide.csv")).to.match(/divide.csv:2: found 8 gpus, 1 servers and 100 experts/);
    expect(place.files()).to.not.include("never.json");
  });
});
