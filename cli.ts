#!/usr/bin/env node
import { runProgram } from "./cli/program.js";

// A reader that has seen enough (`moeplace compare | head`) closes the pipe; that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});
process.exitCode = await runProgram(process.argv.slice(2));
