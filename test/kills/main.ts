import { parseArgs } from "node:util";
import { createRandom } from "../../lib/random.js";
import { killAtRandom, killedCommands } from "./killed-commands.js";

// npm run kills -- --kills 50 --seed 1 --command sweep: kills commands with kill -9 at random moments, all that write where none is
// named, and says what was not as it should be.
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    command: { type: "string", multiple: true },
  },
});
for (const [index, [name, command]] of Object.entries(killedCommands).entries()) {
  if (!(values.command?.includes(name) ?? true)) continue;
  const kills = Number(values.kills);
  const { numKilled, faults } = await killAtRandom(command, {
    kills,
    random: createRandom(Number(values.seed), index),
  });
  console.log(`${name}: ${numKilled} of ${kills} runs killed before their end, ${faults.length} faults`);
  for (const fault of faults) console.log(`  ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}
