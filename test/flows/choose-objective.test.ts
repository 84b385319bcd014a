import { expect } from "chai";
import { chooseObjective } from "../../lib/flows/choose-objective.js";
import { findModelShape } from "../../lib/hardware/model-shapes.js";
import { findHardware } from "../../lib/hardware/presets.js";
import { defaultDispatch } from "../../lib/placement/default-dispatch.js";
import type { Provenance } from "../../lib/placement/provenance.js";

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

  it("is that of the placement that runs, where no solver was named", () => {
    const made = (objective: Provenance["objective"]) => ({
      running: { provenance: { objective } as Provenance },
    });
    for (const objective of ["load", "traffic", "time"] as const) {
      expect(chooseObjective(made(objective), { shape }).minimise).to.equal(objective);
      expect(chooseObjective({ ...made(objective), solvers: ["auto"] }, { shape }).minimise).to.equal(
        objective,
      );
    }
    expect(chooseObjective(made("load"), { shape: undefined }).minimise).to.equal("load");
    expect(chooseObjective(made("time"), { shape: undefined }).minimise).to.equal("traffic");
    expect(chooseObjective({ ...made("load"), solvers: ["exact"] }, { shape }).minimise).to.equal("traffic");
    expect(chooseObjective({ ...made("load"), objective: "time" }, { shape }).minimise).to.equal("time");
    expect(chooseObjective({ running: {} }, { shape }).minimise).to.equal("time");
  });
});

describe("defaultDispatch", () => {
  it("is any replica on GPUs, and the nearest on chiplets", () => {
    const [gpus, wafer] = ["h100-8x8", "mozart-deepseek"].map((name) => findHardware(name)!);
    expect(defaultDispatch(gpus)).to.equal("uniform");
    expect(defaultDispatch(wafer)).to.equal("nearest");
  });
});
