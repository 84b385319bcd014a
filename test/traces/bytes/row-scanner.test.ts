import { expect } from "chai";
import fc from "fast-check";
import { RowScanner } from "../../../traces/bytes/row-scanner.js";

const scanner = new RowScanner({ layer: "layer", token: "token", experts: "experts" });

describe("row scanner", () => {
  it("reads from a line what JSON.parse reads, whatever the order, spaces and other members", () => {
    const rows = fc.record(
      {
        layer: fc.nat(999_999_999),
        experts: fc.array(fc.nat(70_000), { minLength: 1, maxLength: 12 }),
        token: fc.nat(999_999_999),
        weights: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })),
        text: fc.string({ unit: fc.constantFrom("a", " ", ",", "]", "}", "0", "\u00e9") }),
        flag: fc.constantFrom(true, null, -1.5e-7),
      },
      { requiredKeys: ["layer", "experts"] },
    );
    const spaces = fc.constantFrom("", " ", "  ", "\t");
    fc.assert(
      fc.property(rows, fc.nat(), spaces, fc.constantFrom("\n", "\r\n", ""), (row, rotate, space, end) => {
        const members = Object.entries(row);
        members.push(...members.splice(0, rotate % members.length));
        const text = JSON.stringify(Object.fromEntries(members), null, space || undefined)
          .replaceAll(/\n\s*/g, space)
          .concat(end);
        expect(scanned(text)).to.deep.equal({
          layer: row.layer,
          token: row.token ?? -1,
          experts: row.experts,
        });
      }),
      // The last expert of a file, with fewer than four bytes behind it.
      { numRuns: 500, examples: [[{ layer: 0, experts: [0] }, 0, "", ""]] },
    );
  });

  it("reads lines that look like one another as JSON.parse does, until one does not", () => {
    const numbers = fc.record({
      layer: fc.nat(999_999_999),
      token: fc.nat(999_999_999),
      experts: fc.array(fc.nat(70_000), { minLength: 1, maxLength: 12 }),
    });
    const members = fc.shuffledSubarray(["layer", "token", "experts", "text"], { minLength: 2 });
    const breaks = fc.record({ at: fc.nat(200), byte: fc.integer({ min: 0x20, max: 0x7e }) });
    const writing = fc.record({
      names: members.filter((names) => names.includes("layer") && names.includes("experts")),
      separator: fc.constantFrom(",", ", ", " ,"),
      end: fc.constantFrom("\n", "\r\n", " \n"),
    });
    fc.assert(
      fc.property(
        fc.array(numbers, { minLength: 2, maxLength: 6 }),
        writing,
        breaks,
        (rows, { names, separator, end }, { at, byte }) => {
          const write = (row: Record<string, unknown>) => {
            const member = (name: string) => `"${name}":${JSON.stringify(row[name] ?? "as always")}`;
            return `{${names.map(member).join(",")}}`.replaceAll(/(?<=\d),(?=\d)/g, separator) + end;
          };
          const lines = rows.map(write);
          const last = lines[0];
          const place = at % (last.length - 1);
          const broken = last.slice(0, place) + String.fromCharCode(byte) + last.slice(place + 1);
          lines.push(broken, last);
          const reader = new RowScanner({ layer: "layer", token: "token", experts: "experts" });
          const bytes = Buffer.from(lines.join(""));
          reader.setBytes(bytes);
          let from = 0;
          for (const line of lines) {
            const next = reader.scan(from);
            from += line.length;
            if (next < 0 && line === broken) continue;
            expect(next).to.equal(from);
            const { layer, token = -1, experts } = parseOrNothing(line);
            expect([reader.layer, reader.token]).to.deep.equal([layer, token]);
            expect([...reader.experts.subarray(0, reader.width)]).to.deep.equal(experts);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("leaves to JSON.parse whatever is no row", () => {
    const row = '{"layer":1,"token":2,"experts":[10,200,3]}\n';
    const broken = fc.record({ at: fc.nat(row.length - 2), byte: fc.integer({ min: 0x20, max: 0x7e }) });
    fc.assert(
      fc.property(broken, ({ at, byte }) => {
        const text = row.slice(0, at) + String.fromCharCode(byte) + row.slice(at + 1);
        const found = scanned(text);
        if (found === undefined) return;
        const { layer, token, experts } = parseOrNothing(text);
        expect(found).to.deep.equal({ layer, token: token ?? -1, experts });
      }),
      { numRuns: 2000 },
    );
    for (const text of ["", "[1]", '{"layer":1}', '{"layer":1,"experts":[]}', '{"layer":1,"experts":[-1]}'])
      expect(scanned(text)).to.equal(undefined);
  });
});

/** Zeros before a number are not JSON, and do no harm. */
function parseOrNothing(text: string): Record<string, unknown> {
  return JSON.parse(text.replaceAll(/([[,:] *)0+(?=\d)/g, "$1")) as Record<string, unknown>;
}

function scanned(text: string): { layer: number; token: number; experts: number[] } | undefined {
  // Bytes before and behind the line must not matter.
  const bytes = Buffer.from(`7}${text}`);
  scanner.setBytes(bytes);
  if (scanner.scan(2) < 0) return undefined;
  const { layer, token, experts, width } = scanner;
  return { layer, token, experts: [...experts.subarray(0, width)] };
}
