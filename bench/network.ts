/**
 * `npm run bench:network`: the network model against reference simulators, and the fit of its one constant.
 *
 * Prints, for the cases of BookSim2 and for seeded cases of the flit simulator in this folder, the reference time, the
 * model's and the error. The constant is fitted on the even cases of the simulator; the odd ones and BookSim2 test it.
 */
import { createRandom } from "../lib/random.js";
import { SERIAL_LOSS, transferTime, type Flow, type Network } from "../lib/performance/network.js";
import { allToAll, meshNetwork, networkCases, treeNetwork } from "../test/fixtures/network-cases.js";
import { simulateFlits, type FlitOptions } from "./flit-simulator.js";
import { sum } from "../lib/statistics.js";

const options: FlitOptions = { flitBytes: 32, packetFlits: 16, virtualChannels: 4, bufferFlits: 8 };
const percent = (model: number, reference: number) => `${(100 * (model / reference - 1)).toFixed(1)} %`;

console.log("## Reference cases\n");
console.log(
  "| case | bound + path | model | BookSim2 | error | flit simulator of bench/ | against BookSim2 |",
);
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const { name, network, flows, bookSimNs, portsOf } of networkCases) {
  if (bookSimNs === undefined) continue;
  const { boundNs, pathNs, totalNs } = transferTime(network, flows);
  const own = simulateFlits(network, flows, { ...options, portsOf });
  const cells = [name, boundNs + pathNs, totalNs, bookSimNs].map((cell) =>
    typeof cell === "number" ? cell.toFixed(0) : cell,
  );
  cells.push(percent(totalNs, bookSimNs), own.toFixed(0), percent(own, bookSimNs));
  console.log(`| ${cells.join(" | ")} |`);
}

console.log("\n## All-to-all, seeded: loads of receivers by Zipf's law\n");
console.log("| | network | exponent | over bound + path | model | error |");
console.log("| --- | --- | ---: | ---: | ---: | ---: |");
const cases = seededCases().map((sent) => ({
  ...sent,
  simulated: simulateFlits(sent.network, sent.flows, options),
}));
const errors: Record<"fit" | "test", number[]> = { fit: [], test: [] };
cases.forEach(({ name, exponent, network, flows, simulated }, index) => {
  const use = index % 2 === 0 ? "fit" : "test";
  const { boundNs, pathNs, totalNs } = transferTime(network, flows);
  errors[use].push(totalNs / simulated - 1);
  const over = percent(simulated, boundNs + pathNs);
  console.log(
    `| ${use} | ${name} | ${exponent} | ${over} | ${percent(totalNs, boundNs + pathNs)} | ${percent(totalNs, simulated)} |`,
  );
});
for (const use of ["fit", "test"] as const) {
  const worst = Math.max(...errors[use].map(Math.abs));
  const mean = errors[use].reduce((sum, error) => sum + Math.abs(error), 0) / errors[use].length;
  console.log(
    `\n${use}: ${errors[use].length} cases, mean error ${(100 * mean).toFixed(1)} %, worst ${(100 * worst).toFixed(1)} %`,
  );
}
console.log(
  `\nSERIAL_LOSS in use ${SERIAL_LOSS}, least mean error on the fit cases with ${fitSerialLoss().toFixed(3)}`,
);

/** The constant with the least mean error on the fit cases, in steps of 0.001. */
function fitSerialLoss(): number {
  const fitted = cases.filter((_, index) => index % 2 === 0);
  const errorOf = (loss: number) =>
    sum(
      fitted.map(({ network, flows, simulated }) =>
        Math.abs(transferTime(network, flows, loss).totalNs / simulated - 1),
      ),
    );
  const tried = Array.from({ length: 60 }, (_, step) => (step + 1) / 1000);
  const errors = tried.map(errorOf);
  return tried[errors.indexOf(Math.min(...errors))];
}

function seededCases(): { name: string; exponent: number; network: Network; flows: Flow[] }[] {
  const networks: [string, Network, number][] = [
    ["tree 4 x 4", treeNetwork({ up: 32, leaf: 32 }), 5],
    ["tree 2 x 8", treeNetwork({ up: 32, leaf: 32, switches: 2, leavesEach: 8 }), 3],
    ["tree 8 x 2", treeNetwork({ up: 32, leaf: 32, switches: 8, leavesEach: 2 }), 9],
    ["mesh 4 x 4", meshNetwork(4, 4), 0],
    ["mesh 3 x 5", meshNetwork(3, 5), 0],
    ["mesh 3 x 3", meshNetwork(3, 3), 0],
  ];
  return networks.flatMap(([name, network, first], kind) =>
    [0, 0.3, 0.5, 0.7, 1, 1.3].map((exponent, skew) => {
      const endpoints = Array.from({ length: network.numRouters - first }, (_, index) => first + index);
      const weights = createRandom(1, kind, skew).shuffle(
        endpoints.map((_, rank) => (rank + 1) ** -exponent),
      );
      const scale = (4096 * endpoints.length) / sum(weights);
      const flows = allToAll(
        endpoints,
        weights.map((weight) => Math.floor(scale * weight)),
      );
      return { name, exponent, network, flows };
    }),
  );
}
