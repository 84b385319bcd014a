import { expect } from "chai";
import fc from "fast-check";
import { readGpuCases } from "../../bench/gpu-cases.js";
import { plainKernels } from "../../bench/gpu-measured.js";

/** A row of a table, column by column. */
type Columns = Readonly<Record<string, string | number>>;

const device = fc.constantFrom(
  "H100",
  "H200",
  "H800",
  "H20",
  "B200",
  "B300",
  "GB200",
  "GB300",
  "MI300X",
  "A100",
);
const hidden_size = fc.constantFrom(1024, 2048, 2880, 4096, 5120, 7168, 8192, 12_288);
const servers = fc.constantFrom(1, 2, 3, 4, 6, 8, 12, 16, 32, 40);
const gpus = fc.constantFrom(2, 4, 8, 12, 24, 36, 48, 64, 72, 96, 256, 320);
const tokens = fc.integer({ min: 1, max: 32_768 });
const topK = fc.integer({ min: 1, max: 16 });
const experts = fc.constantFrom(32, 60, 64, 128, 160, 256, 288, 384, 512, 1024);
const format = fc.constantFrom("fp8_block", "bfloat16", "nvfp4", "w4afp8", "float16");

/** Tables of every kind, far from what was measured, and columns by which no time may fall as they double or grow. */
const tables: readonly (readonly [name: string, rows: fc.Arbitrary<Columns>, growing: readonly string[]])[] =
  [
    [
      "low-latency kernels",
      fc.record({
        ...{
          device,
          node_num: servers,
          hidden_size,
          num_token: tokens,
          num_topk: topK,
          num_experts: experts,
        },
        ...{ combine_avg_t_us: fc.constant(1), dispatch_avg_t_us: fc.constant(1) },
      }),
      ["num_token", "hidden_size", "num_topk"],
    ],
    [
      "normal kernels",
      fc
        .record({
          ...{
            device,
            node_num: servers,
            hidden_size,
            num_token: tokens,
            num_topk: topK,
            num_experts: experts,
          },
          ...{ dispatch_transmit_us: fc.constant(1), combine_transmit_us: fc.constant(1) },
          dispatch_sms: fc.integer({ min: 1, max: 78 }),
        })
        .map((row) => ({ ...row, combine_sms: row.dispatch_sms })),
      ["num_token", "hidden_size", "num_topk"],
    ],
    [
      "kernels of a fabric",
      fc.record({
        ...{ device, moe_dtype: format, hidden_size, num_tokens: tokens, topk: topK, num_experts: experts },
        op_name: fc
          .constantFrom("dispatch", "combine", "prepare", "combine_low_precision")
          .map((op) => `alltoall_${op}`),
        kernel_source: fc.constantFrom("NVLinkOneSided", "NVLinkTwoSided"),
        ...{
          moe_ep_size: gpus,
          distribution: fc.constantFrom("balanced", "uniform"),
          latency: fc.constant(1),
        },
      }),
      ["num_tokens", "hidden_size", "topk", "moe_ep_size"],
    ],
    [
      "DeepGEMM",
      fc.record({
        ...{ device, moe_dtype: format, hidden_size, num_tokens: tokens, topk: topK, num_experts: experts },
        op_name: fc.constantFrom("moe_context", "moe_generation"),
        ...{
          inter_size: fc.constantFrom(512, 768, 2048, 14_336),
          moe_ep_size: gpus,
          distribution: fc.constant("uniform"),
        },
        latency: fc.constant(1),
      }),
      ["num_tokens", "hidden_size", "topk", "inter_size"],
    ],
    [
      "fused kernels",
      fc.record({
        ...{ device, moe_dtype: format, hidden_size, num_tokens: tokens, topk: topK, num_experts: experts },
        ...{
          inter_size: fc.constantFrom(512, 768, 2048),
          moe_ep_size: gpus,
          distribution: fc.constant("balanced"),
        },
        ...{ rank0_num_tokens: fc.constant(""), latency: fc.constant(1) },
      }),
      ["num_tokens", "hidden_size", "topk", "inter_size"],
    ],
    [
      "NCCL",
      fc.record({
        ...{
          device,
          nccl_dtype: fc.constantFrom("half", "int8", "float"),
          num_gpus: gpus,
          latency: fc.constant(1),
        },
        op_name: fc.constantFrom("all_gather", "alltoall", "reduce_scatter", "all_reduce"),
        message_size: fc.integer({ min: 8, max: 30 }).map((power) => 2 ** power),
      }),
      ["message_size", "num_gpus"],
    ],
  ];

/** Times that presets give a row, by kernel. */
function timesOf(row: Columns): Map<string, number> {
  const { cases } = readGpuCases(
    "x.csv",
    `${Object.keys(row).join(",")}\n${Object.values(row).join(",")}\n`,
  )!;
  expect(cases).to.have.length.above(0);
  return new Map(cases.map((found) => [found.kernel, found.modelNs(plainKernels(found.machine))]));
}

describe("cases far from what was measured", () => {
  for (const [name, rows, growing] of tables) {
    it(`have times of ${name} that never fall as there is more to do`, () => {
      fc.assert(
        fc.property(rows, fc.constantFrom(...growing), (row, column) => {
          const before = timesOf(row);
          const after = timesOf({ ...row, [column]: 2 * Number(row[column]) });
          for (const [kernel, ns] of before) {
            expect(ns, kernel).to.be.above(0).and.below(1e12);
            expect(after.get(kernel), `${kernel} by ${column}`).to.be.at.least(ns * (1 - 1e-9));
          }
        }),
        { seed: 5, numRuns: 300 },
      );
    });
  }

  it("have times of normal kernels that never grow with compute units", () => {
    fc.assert(
      fc.property(tables[1][1], (row) => {
        const more = timesOf({
          ...row,
          dispatch_sms: Number(row["dispatch_sms"]) + 4,
          combine_sms: Number(row["combine_sms"]) + 4,
        });
        for (const [kernel, ns] of timesOf(row))
          expect(more.get(kernel), kernel).to.be.at.most(ns * (1 + 1e-9));
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});
