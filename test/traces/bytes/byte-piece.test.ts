import { expect } from "chai";
import fc from "fast-check";
import { createPiece, isPiece } from "../../../traces/bytes/byte-piece.js";

describe("byte piece", () => {
  it("is found where its bytes are, and nowhere else", () => {
    // Few different bytes, so that what differs differs in little.
    const text = fc.array(fc.constantFrom(0x61, 0x62, 0xff), { minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(text, fc.array(fc.constantFrom(0x61, 0x62, 0xff), { maxLength: 30 }), (bytes, around) => {
        const piece = createPiece(Uint8Array.from(bytes));
        const found = Buffer.from([...around, ...bytes, ...around]);
        const view = new DataView(found.buffer, found.byteOffset, found.length);
        for (let at = 0; at <= found.length; at++) {
          const isThere = found.subarray(at, at + bytes.length).equals(Uint8Array.from(bytes));
          expect(isPiece(view, at, piece)).to.equal(isThere);
        }
      }),
    );
  });

  it("stays what it is when the buffer it was seen in is used again", () => {
    for (const text of ["]}\n", '"experts":[']) {
      const buffer = Buffer.from(text);
      const piece = createPiece(buffer);
      buffer.fill(0);
      const again = Buffer.from(text);
      expect(isPiece(new DataView(again.buffer, again.byteOffset, again.length), 0, piece)).to.equal(true);
    }
  });
});
