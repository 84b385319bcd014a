#!/usr/bin/env node
import { Command } from "commander";

const program = new Command("moeplace").description(
  "Places the experts of Mixture-of-Experts models so that the fewest bytes move.",
);
await program.parseAsync();
