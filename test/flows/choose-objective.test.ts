import { expect } from "chai";
import { chooseObjective } from "../../lib/flows/choose-objective.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { defaultDispatch } from "../../lib/placement/default-dispatch.js";

const shape = findModelShape("deepseek-v3");

describe("chooseObjective", () => {
  it("is time where machine and model are known, else traffic", () => {
    expect(chooseObjective({}, { shape }).minimise).to.equal("time");
    expect(chooseObjective({ solvers: ["auto"] }, { shape }).minimise).to.equal("time");
    expect(chooseObjective({}, { shape: undefined }).minimise).to.equal("traffic");
  });

  it("is what is asked for, and traffic for a solver that was named or groups of the router", () => {
    expect(chooseObjective({ objective: "load" }, { shape }).minimise).to.equal("load");
    expect(chooseObjective({ objective: "time", solvers: ["exact"] }, { shape }).minimise).to.equal("time");
    expect(chooseObjective({ solvers: ["exact", "louvain"] }, { shape }).minimise).to.equal("traffic");
    expect(chooseObjective({ routerGroups: 8 }, { shape }).minimise).to.equal("traffic");
  });
});

describe("defaultDispatch", () => {
  it("is any replica on GPUs, and the nearest on chiplets", () => {
    const [gpus, wafer] = ["h100-8x8", "mozart-deepseek"].map((name) => findHardware(name)!);
    expect(defaultDispatch(gpus)).to.equal("uniform");
    expect(defaultDispatch(wafer)).to.equal("nearest");
  });
});
