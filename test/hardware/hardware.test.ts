import { expect } from "chai";
import { InputError } from "../../lib/errors.js";
import { listConstants, withChiplets } from "../../lib/hardware/hardware.js";
import { hardwareJsonSchema, parseHardware } from "../../lib/hardware/parse.js";
import { findHardware, hardwarePresets } from "../../lib/hardware/presets.js";
import { expectRejection } from "../expect-rejection.js";

const mozart = findHardware("mozart-qwen3")!;

describe("hardware presets", () => {
  it("are found by name", () => {
    expect(hardwarePresets.map(({ name }) => findHardware(name)?.name)).to.deep.equal(
      hardwarePresets.map(({ name }) => name),
    );
    expect(findHardware("abacus")).to.equal(undefined);
  });

  for (const hardware of hardwarePresets) {
    it(`${hardware.name} gives every constant a finite value, a source and a trust`, () => {
      const constants = listConstants(hardware);
      expect(constants.length).to.be.greaterThan(20);
      for (const { path, constant } of constants) {
        expect(constant.value, path).to.be.finite.and.at.least(0);
        expect(constant.source, path).to.not.equal("");
        expect(constant.trust, path).to.be.a("string");
      }
    });

    it(`${hardware.name} survives a round trip through a hardware file`, async () => {
      expect(await parseHardware(JSON.parse(JSON.stringify(hardware)), "hw.json")).to.deep.equal(hardware);
    });
  }

  it("believe no kernel of an MI300X, because all are those of other GPUs", () => {
    const kernels = listConstants(findHardware("mi300x-8x8")!).filter(
      ({ path, constant }) => path.startsWith("kernels.") && constant.trust !== "data sheet",
    );
    expect(kernels.length).to.be.above(50);
    expect(new Set(kernels.map(({ constant }) => constant.trust))).to.deep.equal(new Set(["assumed"]));
  });

  it("keep the Mozart machines inside the ranges the paper prints", () => {
    for (const { name, chiplet } of hardwarePresets.filter(({ name }) => name.startsWith("mozart"))) {
      if (chiplet.kind !== "systolic") throw new Error(`${name} is not systolic`);
      expect(chiplet.tiles.value, name).to.be.within(36, 100);
      expect(chiplet.rows.value * chiplet.columns.value, name).to.be.within(256, 576);
    }
  });
});

describe("withChiplets", () => {
  it("changes the numbers of chiplets and chiplet groups of a wafer, and nothing else", () => {
    const changed = withChiplets(mozart, { numChiplets: 15, numGroups: 5 });
    expect(changed).to.deep.equal({ ...mozart, numGroups: 5, chipletsPerGroup: 3 });
  });

  it("keeps the chiplet groups the machine has", () => {
    expect(withChiplets(mozart, { numChiplets: 8 }).chipletsPerGroup).to.equal(2);
  });

  it("keeps servers whole: other numbers of GPUs are other numbers of servers", () => {
    const h100 = findHardware("h100-8x8")!;
    const shapeOf = (changed: Parameters<typeof withChiplets>[1]) => {
      const { numGroups, chipletsPerGroup } = withChiplets(h100, changed);
      return [numGroups, chipletsPerGroup];
    };
    expect(shapeOf({ numChiplets: 32 })).to.deep.equal([4, 8]);
    expect(shapeOf({ numChiplets: 4 })).to.deep.equal([1, 4]);
    expect(shapeOf({ numGroups: 2 })).to.deep.equal([2, 8]);
    expect(shapeOf({ numChiplets: 32, numGroups: 8 })).to.deep.equal([8, 4]);
    expect(() => withChiplets(h100, { numChiplets: 12 })).to.throw(InputError, /found 12 in servers of 8/);
  });

  it("gives every GPU and every chip of a mesh its static power, and a wafer that of its package", () => {
    const wattsOf = (name: string, changed: Parameters<typeof withChiplets>[1]) => {
      const { energy } = withChiplets(findHardware(name)!, changed);
      return [energy.staticWatts.value, energy.staticWatts.source];
    };
    expect(wattsOf("h100-8x8", {})).to.deep.equal([6400, "100 W idle a GPU"]);
    expect(wattsOf("h100-8x8", { numChiplets: 8 })).to.deep.equal([800, "100 W idle a GPU"]);
    expect(wattsOf("h100-8x8", { numGroups: 12 })).to.deep.equal([9600, "100 W idle a GPU"]);
    expect(wattsOf("gb200-nvl72", { numChiplets: 12 })).to.deep.equal([1800, "150 W idle a GPU"]);
    expect(wattsOf("wormhole-8x4", { numChiplets: 8 })).to.deep.equal([320, "40 W idle a chip"]);
    expect(wattsOf("ucie-a-hbm3", { numChiplets: 8 })[0]).to.equal(300);
  });

  it("has no memory of sizes between", () => {
    for (const name of ["h100-8x8", "gb200-nvl72", "wormhole-8x4"]) {
      const preset = findHardware(name)!;
      const few = withChiplets(preset, { numChiplets: 4 });
      const { numGroups, chipletsPerGroup } = preset;
      const back = withChiplets(few, { numChiplets: numGroups * chipletsPerGroup, numGroups });
      expect(back, name).to.deep.equal(preset);
    }
  });

  it("keeps the columns of a mesh: other numbers of chips are other numbers of rows", () => {
    const mesh = findHardware("wormhole-8x4")!;
    const four = withChiplets(mesh, { numChiplets: 4 });
    expect([four.numGroups, four.chipletsPerGroup, four.mesh?.columns]).to.deep.equal([1, 4, 4]);
    for (const [numChiplets, numGroups] of [
      [6, 1],
      [8, 2],
    ]) {
      expect(() => withChiplets(mesh, { numChiplets, numGroups })).to.throw(
        InputError,
        `chiplets: found ${numChiplets} in ${numGroups} groups, expected one group of whole rows of 4`,
      );
    }
  });

  it("refuses more chiplets than any model that is read has experts, in a file too", async () => {
    for (const preset of ["mozart-qwen3", "h100-8x8", "wormhole-8x4"]) {
      const many = { numChiplets: 2 ** 31, numGroups: 1 };
      expect(() => withChiplets(findHardware(preset)!, many)).to.throw(
        InputError,
        "machine: found 2147483648 chiplets, expected at most 4096",
      );
    }
    const file = { ...mozart, numGroups: 65, chipletsPerGroup: 64 };
    await expectRejection(parseHardware(file, "hw.json"), /^hw\.json: found 4160 chiplets/);
  });

  it("refuses chiplets that do not divide into groups", () => {
    expect(() => withChiplets(mozart, { numChiplets: 15 })).to.throw(InputError, /found 15 in 4 groups/);
  });
});

describe("parseHardware", () => {
  const json = () => JSON.parse(JSON.stringify(mozart)) as typeof mozart & Record<string, unknown>;
  const messageOf = (given: unknown) =>
    parseHardware(given, "hw.json").then(
      () => "no error",
      (error: unknown) => (error as InputError).message,
    );

  it("takes plain numbers for constants and marks them as given", async () => {
    const given = {
      ...json(),
      links: { ...mozart.links, root: { bytesPerNs: 64, latencyNs: 0, pjPerBit: 1 } },
    };
    const { links } = await parseHardware(given, "hw.json");
    expect(links.root.bytesPerNs).to.deep.equal({ value: 64, source: "hardware file", trust: "given" });
  });

  it("lets the root be left out where it is like a chiplet", async () => {
    const given = { ...json(), root: undefined, rootMemory: undefined };
    const parsed = await parseHardware(given, "hw.json");
    expect(parsed.root).to.deep.equal(mozart.chiplet);
    const { bytes, bytesPerNs, pjPerBit } = mozart.memory;
    expect(parsed.rootMemory).to.deep.equal({ bytes, bytesPerNs, pjPerBit });
    // A placement's file says what machine it is for, and is read again.
    expect(await parseHardware(JSON.parse(JSON.stringify(parsed)), "p.json")).to.deep.equal(parsed);
  });

  it("names a missing field", async () => {
    const root = { ...mozart.links.root, bytesPerNs: undefined };
    expect(await messageOf({ ...json(), links: { ...mozart.links, root } })).to.equal(
      "hw.json: missing field links.root.bytesPerNs, expected a number from 1e-6 to 1e9",
    );
  });

  it("refuses parts of a thing, and rates that make no time", async () => {
    for (const field of ["rows", "columns", "tiles", "arraysPerTile"]) {
      expect(await messageOf({ ...json(), chiplet: { ...mozart.chiplet, [field]: 15.5 } })).to.equal(
        `hw.json: field chiplet.${field} is 15.5, expected a whole number above 0`,
      );
    }
    const memory = { ...mozart.memory, bytesPerNs: 1e-300 };
    expect(await messageOf({ ...json(), memory })).to.equal(
      "hw.json: field memory.bytesPerNs is 1e-300, expected a number from 1e-6 to 1e9",
    );
  });

  it("refuses a link with two bandwidths, rather than to take one of them", async () => {
    const withLink = (link: object) => ({
      ...json(),
      links: { ...mozart.links, chiplet: { ...mozart.links.chiplet, ...link } },
    });
    expect(await messageOf(withLink({ bytesPerNsBack: 10 }))).to.equal(
      "hw.json: unknown field links.chiplet.bytesPerNsBack, expected none of that name",
    );
    expect(await messageOf(withLink({ bytesPerNs: [10, 20] }))).to.match(
      /^hw\.json: field links\.chiplet\.bytesPerNs is \[10,20\], expected a number/,
    );
  });

  it("names a missing section", async () => {
    expect(await messageOf({ ...json(), links: undefined })).to.equal(
      "hw.json: missing field links, expected an object",
    );
  });

  it("takes a mesh, which needs no root link, and refuses one that is none", async () => {
    const { links, ...mesh } = JSON.parse(JSON.stringify(findHardware("wormhole-8x4"))) as {
      links: { chiplet: object };
      mesh: { columns: number };
    };
    const alone = { ...mesh, links: { chiplet: links.chiplet } };
    expect(await parseHardware(alone, "mesh.json")).to.deep.equal(findHardware("wormhole-8x4"));
    const { mesh: grid, ...tree } = alone;
    expect(grid.columns).to.equal(4);
    expect(await messageOf(tree)).to.equal("hw.json: missing field links.root, expected an object");
    for (const broken of [{ numGroups: 2 }, { chipletsPerGroup: 30 }, { tokensStart: "root" }]) {
      expect(await messageOf({ ...alone, ...broken })).to.match(/expected one group of whole rows/);
    }
    expect(await messageOf({ ...alone, mesh: { columns: 4 } })).to.match(/missing field mesh.portBytesPerNs/);
  });

  it("names an unknown field, a wrong type and a value out of range", async () => {
    expect(await messageOf({ ...json(), colour: "red" })).to.equal(
      "hw.json: unknown field colour, expected none of that name",
    );
    expect(await messageOf({ ...json(), numGroups: "4" })).to.equal(
      'hw.json: field numGroups is "4", expected a whole number above 0',
    );
    expect(await messageOf({ ...json(), tokensStart: "there" })).to.equal(
      'hw.json: field tokensStart is "there", expected one of "root", "everywhere"',
    );
    expect(await messageOf({ ...json(), chiplet: { kind: "abacus" } })).to.contain("chiplet");
    expect(await messageOf([])).to.equal("hw.json: found [], expected an object");
  });

  it("publishes its JSON Schema", async () => {
    const schema = (await hardwareJsonSchema()) as { required: string[]; properties: object };
    expect(schema.required).to.include.members(["numGroups", "links", "memory"]);
    expect(schema.properties).to.have.property("energy");
  });
});
