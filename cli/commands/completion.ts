import { Argument, Command } from "commander";
import { InputError } from "../../index.js";
import { completionScript, SHELLS, type Shell } from "../completion.js";

export function completionCommand(): Command {
  const command = new Command("completion")
    .summary("a script with which a shell completes command lines")
    .description("Prints a script with which a shell completes commands, options and their values.")
    .addArgument(
      new Argument("<shell>", SHELLS.join(", ")).argParser((value) => {
        if ((SHELLS as readonly string[]).includes(value)) return value;
        throw new InputError(`completion: found ${value}, expected one of ${SHELLS.join(", ")}`);
      }),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  moeplace completion bash >> ~/.bashrc\n  moeplace completion fish > ~/.config/fish/completions/moeplace.fish",
    );
  return command.action((shell: Shell) => {
    if (command.parent) process.stdout.write(completionScript(command.parent, shell));
  });
}
