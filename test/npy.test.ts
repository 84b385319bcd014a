import { expect } from "chai";
import fc from "fast-check";
import { parseNpy, writeNpy } from "../lib/containers/npy.js";
import { rowMajor } from "../lib/containers/tensor.js";
import { InputError } from "../lib/errors.js";
import { npyFile } from "./traces/array-files.js";

describe(".npy arrays", () => {
  it("read back as they were written", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.integer({ min: -1e9, max: 1e9 }), (shape, first) => {
        const length = shape.reduce((product, size) => product * size, 1);
        const values = Float64Array.from({ length }, (_, index) => first + index);
        expect(read(writeNpy(shape, values))).to.deep.equal({ shape, values });
      }),
    );
  });

  it("are written as numpy does: np.save of np.array([[1, -2]])", () => {
    const expected =
      "\x93NUMPY\x01\x00\x76\x00{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }".padEnd(127) +
      "\n";
    const bytes = writeNpy([1, 2], [1, -2]);
    expect(Buffer.from(bytes.subarray(0, 128)).toString("latin1")).to.equal(expected);
    expect([...bytes.subarray(128)]).to.deep.equal([
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      254,
      ...Array<number>(7).fill(255),
    ]);
  });

  it("may be in Fortran order, of other types and of version 2", () => {
    const header = "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3), }\n";
    const bytes = Buffer.concat([
      Buffer.from("\x93NUMPY\x02\x00", "latin1"),
      Buffer.from(Uint32Array.of(header.length).buffer),
      Buffer.from(header),
      Buffer.from([0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 1, 6]),
    ]);
    expect(read(bytes)).to.deep.equal({ shape: [2, 3], values: Float64Array.of(1, 2, 3, 4, 5, 262) });
  });

  it("of 64 bits are exact up to 2^53, with a sign and without", () => {
    const numbers = [
      0,
      1,
      -1,
      2 ** 31 - 1,
      2 ** 31,
      -(2 ** 31),
      -(2 ** 31) - 1,
      2 ** 32,
      2 ** 53,
      -(2 ** 53),
    ];
    for (const values of [...numbers.map((number) => [3, number]), numbers]) {
      const signed = npyFile({ shape: [values.length], values: BigInt64Array.from(values, BigInt) });
      expect(read(signed).values).to.deep.equal(Float64Array.from(values));
      const unsigned = BigUint64Array.from(values, BigInt);
      const file = npyFile({ shape: [values.length], values: unsigned });
      expect(read(file).values).to.deep.equal(Float64Array.from(unsigned, Number));
    }
  });

  it("say what they are when they cannot be read", () => {
    const bytes = writeNpy([1], [1]);
    Buffer.from(bytes.buffer).write("'|O8'", bytes.indexOf(0x3a) + 2);
    expect(() => read(bytes)).to.throw(
      InputError,
      /^a\.npy: found an array of \|O8, header .*, expected numbers$/,
    );
  });
});

function read(bytes: Uint8Array): { shape: readonly number[]; values: Float64Array } {
  const { shape, values } = rowMajor(parseNpy(Buffer.from(bytes), "a.npy"));
  return { shape, values: Float64Array.from(values) };
}
