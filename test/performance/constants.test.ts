import { expect } from "chai";
import { hardwarePresets } from "../../lib/hardware/presets.js";
import { modelConstants } from "../../lib/performance/constants.js";
import { SERIAL_LOSS } from "../../lib/performance/network.js";

describe("modelConstants", () => {
  for (const hardware of hardwarePresets) {
    it(`names every constant of ${hardware.name} once, with a source and a trust`, () => {
      const constants = modelConstants(hardware);
      expect(new Set(constants.map(({ path }) => path)).size).to.equal(constants.length);
      for (const { path, value, source, trust } of constants) {
        expect(Number.isFinite(value), path).to.equal(true);
        expect(source, path).to.have.length.above(3);
        expect(trust, path).to.be.a("string");
      }
    });
  }

  it("leaves out what the model does not use on a machine, and adds what it uses there alone", () => {
    for (const hardware of hardwarePresets) {
      const constants = modelConstants(hardware);
      const has = (start: string) => constants.some(({ path }) => path.startsWith(start));
      const fromRoot = hardware.tokensStart === "root";
      expect(has("root."), hardware.name).to.equal(fromRoot);
      expect(has("rootMemory."), hardware.name).to.equal(fromRoot);
      const loss = constants.find(({ path }) => path === "model.serialLoss");
      expect(loss?.value).to.equal(fromRoot ? undefined : SERIAL_LOSS);
      expect(loss?.trust).to.equal(fromRoot ? undefined : "fitted");
    }
  });
});
