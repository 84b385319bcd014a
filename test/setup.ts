import * as fc from "fast-check";

// Every run tries the same cases: a property that fails, fails for everybody.
fc.configureGlobal({ seed: 20_250_301 });

// A worker of mocha is told to end and, a second later, made to: what it covered was lost where telling takes longer.
if (process.env.NODE_V8_COVERAGE !== undefined && process.env.MOCHA_WORKER_ID !== undefined)
  process.on("SIGTERM", () => undefined);

// Commands run in this process and print plainly, as to a file; asked for before anything loads that prints.
process.env.NO_COLOR = "1";
delete process.env.FORCE_COLOR;
