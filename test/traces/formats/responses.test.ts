import { expect } from "chai";
import { npyFile } from "../array-files.js";
import { failureOf, readContent, tokensOf } from "../trace-files.js";

/** Token t of a request chooses experts t and t + 1 modulo 8. */
function rowsOf(first: number, end: number): number[][] {
  return Array.from({ length: end - first }, (_, at) => [(first + at) % 8, (first + at + 1) % 8]);
}

function idsOf(first: number, end: number) {
  return { shape: [end - first, 1, 2], values: Uint8Array.from(rowsOf(first, end).flat()) };
}

function base64(first: number, end: number): string {
  return npyFile(idsOf(first, end)).toString("base64");
}

/** What servers around vLLM send. */
function described(first: number, end: number, { start = first, dtype = "uint8" } = {}) {
  const { shape, values } = idsOf(first, end);
  const bytes = dtype === "uint8" ? values : new Uint8Array(Int16Array.from(values).buffer);
  return { data: Buffer.from(bytes).toString("base64"), shape, start, dtype };
}

async function read(content: string) {
  const { trace, report } = await readContent(content);
  const [{ sequenceStarts }] = trace.layers;
  return { tokens: tokensOf(trace)[0], starts: [...(sequenceStarts ?? [])], report };
}

describe("routed experts in HTTP responses", () => {
  it("are found wherever they stand, with a long prompt before and after them", async () => {
    const prompt = Array.from({ length: 50_000 }, (_, token) => token);
    for (const text of ["", 'a "routed_experts": "x", {', "\\", '\\"routed_experts\\":[']) {
      const response = {
        id: "a",
        text,
        prompt_token_ids: prompt,
        choices: [{ index: 0, routed_experts: base64(0, 9) }],
        more: prompt,
      };
      const { tokens, report } = await read(JSON.stringify(response));
      expect(tokens).to.deep.equal(rowsOf(0, 9));
      expect(report.sources[0].format).to.equal("SGLang routed experts");
      const indented = await read(JSON.stringify([response, { ...response, id: "b" }], undefined, 2));
      expect(indented.tokens).to.deep.equal([...rowsOf(0, 9), ...rowsOf(0, 9)]);
      expect(indented.starts).to.deep.equal([0, 9]);
    }
  });

  it("may be one a line, a stream of events, of several choices, lists or objects", async () => {
    const choices = [0, 1].map((index) => ({ index, routed_experts: base64(index, 5) }));
    const line = JSON.stringify({ id: "a", choices });
    const both = [...rowsOf(0, 5), ...rowsOf(1, 5)];
    for (const content of [
      line,
      `${line}\n`,
      `data: ${line}\n\ndata: [DONE]\n`,
      `: ping\n\nevent: x\ndata: ${line}\n\n`,
    ]) {
      const { tokens, starts } = await read(content);
      expect(tokens).to.deep.equal(both);
      expect(starts).to.deep.equal([0, 5]);
    }
    const lists = rowsOf(0, 5).map((row) => [row]);
    expect((await read(JSON.stringify({ meta_info: { routed_experts: lists } }))).tokens).to.deep.equal(
      rowsOf(0, 5),
    );
    for (const dtype of ["uint8", "int16"]) {
      const engine = { engine_data: { routed_experts: described(0, 5, { dtype }) } };
      expect((await read(JSON.stringify(engine))).tokens, dtype).to.deep.equal(rowsOf(0, 5));
    }
    expect(
      (await read(JSON.stringify([{ routed_experts: null }, { routed_experts: lists }]))).tokens,
    ).to.have.length(5);
  });

  it("are joined where a request comes in increments, which tell where they begin", async () => {
    const beside = (id: string, first: number, end: number) =>
      `data: ${JSON.stringify({ id, routed_experts: base64(first, end), routed_experts_start: first })}\n\n`;
    const before = (id: string, first: number, end: number) =>
      `data: ${JSON.stringify({ id, routed_experts_start_len: first, routed_experts: base64(first, end) })}\n\n`;
    const within = (id: string, first: number, end: number) =>
      `data: ${JSON.stringify({ id, routed_experts: described(first, end) })}\n\n`;
    for (const event of [beside, before, within]) {
      // The third part repeats a token, the fourth all of them.
      const content =
        event("a", 0, 4) + event("a", 4, 6) + event("a", 5, 9) + event("a", 0, 9) + event("b", 3, 5);
      const { tokens, starts } = await read(content);
      expect(tokens).to.deep.equal([...rowsOf(0, 9), ...rowsOf(3, 5)]);
      expect(starts).to.deep.equal([0, 9]);
    }
    // What is missing between two parts ends a sequence.
    expect((await read(beside("a", 0, 4) + beside("a", 6, 9))).starts).to.deep.equal([0, 4]);
  });

  it("of the prompt and of what follows may stand side by side, however long they are", async () => {
    for (const length of [3, 603]) {
      const choice = { prompt_routed_experts: base64(0, length), routed_experts: base64(length, 2 * length) };
      for (const space of [undefined, 1]) {
        const { tokens, report } = await read(
          JSON.stringify({ id: "a", choices: [choice] }, undefined, space),
        );
        expect(tokens).to.deep.equal(rowsOf(0, 2 * length));
        expect(report.warnings.join()).to.not.match(/cut off/);
      }
    }
  });

  it("count once where every event repeats what came before", async () => {
    const event = (first: number, end: number) =>
      `${JSON.stringify({ meta_info: { id: "a", routed_experts: base64(first, end) } })}\n`;
    const { tokens, starts } = await read(event(0, 3) + event(0, 5) + event(0, 5) + event(0, 9));
    expect(tokens).to.deep.equal(rowsOf(0, 9));
    expect(starts).to.deep.equal([0]);
    // Increments that do not tell where they begin follow each other.
    expect((await read(event(0, 3) + event(3, 9))).tokens).to.deep.equal(rowsOf(0, 9));
  });

  it("are read in pieces without losing one at the seams, and as far as they go where the file was cut off", async function () {
    this.timeout(60_000);
    const response = (id: number) =>
      JSON.stringify({ id: `r${id}`, pad: "x".repeat((id * 7919) % 40_000), routed_experts: base64(0, 40) });
    const content = Array.from({ length: 200 }, (_, id) => response(id)).join("\n");
    expect((await read(content)).tokens).to.have.length(8000);
    const cut = await read(content.slice(0, -20));
    expect(cut.tokens).to.have.length(7960);
    expect(cut.report.warnings.join()).to.match(/the last response is cut off/);
  });

  it("are refused where lists are uneven or the shape is not that of the data", async () => {
    for (const [routed, message] of [
      [[[[1, 2]], [[1]]], /uneven lists/],
      [{ ...described(0, 5), shape: [6, 1, 2] }, /found 10 ids, expected 12/],
      [{ ...described(0, 5), dtype: "object" }, /expected "data", "shape"/],
      [{ data: 5 }, /expected "data", "shape"/],
    ] as const) {
      expect(await failureOf(readContent(JSON.stringify({ routed_experts: routed })))).to.match(message);
    }
  });

  it("are told apart by members anywhere in their response, before or behind, in one line or many", async () => {
    const usage = { usage: { prompt_tokens: 3, details: [{ start: 1 }] }, more: 'a " { [' };
    const parts = [
      [0, 4],
      [4, 5],
      [5, 9],
    ] as const;
    const shapes = [
      (first: number, ids: string) => ({ id: "a", choices: [{ index: 0, routed_experts: ids }], ...usage, routed_experts_start: first }),
      (first: number, ids: string) => ({ routed_experts_start: first, choices: [{ routed_experts: ids, index: 0 }], id: "a", ...usage }),
      (first: number, ids: string) => ({ id: "a", meta_info: { routed_experts: ids, ...usage, routed_experts_start: first } }),
    ]; // prettier-ignore
    for (const shape of shapes) {
      for (const order of [parts, parts.toReversed()]) {
        const responses = order.map(([first, end]) => shape(first, base64(first, end)));
        for (const content of [
          responses.map((response) => JSON.stringify(response)).join("\n"),
          JSON.stringify(responses, undefined, 2),
          responses.map((response) => `data: ${JSON.stringify(response)}\n\n`).join(""),
        ]) {
          const { tokens } = await read(content);
          expect(tokens.toSorted(), content).to.deep.equal(rowsOf(0, 9).toSorted());
        }
      }
    }
  });

  it("lose no token where parts overlap, come again or leave one out, in any order", async () => {
    const parts = [
      [6, 9],
      [0, 3],
      [1, 7],
      [0, 3],
      [11, 13],
    ];
    const line = ([first, end]: number[]) =>
      JSON.stringify({ id: "a", routed_experts: base64(first, end), routed_experts_start: first });
    const { tokens, starts, report } = await read(parts.map(line).join("\n"));
    expect(report.warnings.join("\n")).to.contain("tokens 9 to 10 of request");
    expect((await read(parts.slice(0, 4).map(line).join("\n"))).report.warnings.join("\n")).to.not.contain(
      "are in no part",
    );
    const expected = [...rowsOf(6, 9), ...rowsOf(0, 3), ...rowsOf(3, 6), ...rowsOf(11, 13)];
    expect(tokens).to.deep.equal(expected);
    expect(starts).to.deep.equal([0, 3, 9]);
  });

  it("may have layers first where their number is told", async () => {
    const ids = Array.from({ length: 2 * 5 }, (_, at) => [at % 8, (at + 3) % 8]);
    const npy = npyFile({ shape: [2, 5, 2], values: Uint8Array.from(ids.flat()) }).toString("base64");
    const lists = [ids.slice(0, 5), ids.slice(5)];
    for (const routed_experts of [npy, lists]) {
      const content = JSON.stringify({ choices: [{ routed_experts }] });
      const { trace } = await readContent(content, { numLayers: 2 });
      expect(tokensOf(trace)).to.deep.equal({ 0: ids.slice(0, 5), 1: ids.slice(5) });
    }
  });
});
