import { expect } from "chai";
import type { Hardware } from "../../lib/hardware/hardware.js";
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
    const unmeasured = hardwarePresets.map(
      (hardware) => JSON.parse(JSON.stringify({ ...hardware, kernels: undefined })) as Hardware,
    );
    for (const hardware of [...hardwarePresets, ...unmeasured]) {
      const constants = modelConstants(hardware);
      const has = (start: string) => constants.some(({ path }) => path.startsWith(start));
      const fromRoot = hardware.tokensStart === "root";
      expect(has("root."), hardware.name).to.equal(fromRoot);
      expect(has("rootMemory."), hardware.name).to.equal(fromRoot);
      expect(has("links.root."), hardware.name).to.equal(hardware.mesh === undefined);
      const isMeasured = hardware.kernels !== undefined;
      expect(has("kernels."), hardware.name).to.equal(isMeasured);
      const loss = constants.find(({ path }) => path === "model.serialLoss");
      expect(loss?.value).to.equal(fromRoot || isMeasured ? undefined : SERIAL_LOSS);
      expect(loss?.trust).to.equal(fromRoot || isMeasured ? undefined : "fitted");
    }
  });
});
