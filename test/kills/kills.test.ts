import { expect } from "chai";
import { createRandom } from "../../lib/random.js";
import { killAtRandom, killedCommands } from "./killed-commands.js";

/** npm run kills has all commands that write, and as many kills as it is told. */
const KILLS = 3;

describe("kill -9 at random moments", function () {
  // A process each for the first run and every kill.
  this.timeout(600_000);
  for (const [index, name] of ["place", "sweep"].entries()) {
    it(`leaves what ${name} writes whole, and the next run as if nothing had been`, async () => {
      const { faults } = await killAtRandom(killedCommands[name], {
        kills: KILLS,
        random: createRandom(14, index),
      });
      expect(faults).to.deep.equal([]);
    });
  }
});
