#!/usr/bin/env node
import { EXIT } from "./cli/exit-code.js";
import { unwritable } from "./cli/output-file.js";
import { runProgram } from "./cli/program.js";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`moeplace compare | head`) closes the pipe; that is no error.
  if (error.code === "EPIPE") process.exit();
  const { message, advice } = unwritable("standard output", error);
  process.stderr.write(`${message}\n${advice === undefined ? "" : `${advice}\n`}`);
  process.exit(EXIT.badInput);
});
// What is said there is for people; where nobody can read it, the work goes on.
process.stderr.on("error", () => undefined);
process.exitCode = await runProgram(process.argv.slice(2));
