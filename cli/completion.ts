import type { Command, Option } from "commander";

/** Shells that complete command lines. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * A script with which a shell completes the command line, from the tree of commands: commands, then the options of the one
 * that is written, the values of options that take one of a few words, and else files.
 */
export function completionScript(program: Command, shell: Shell): string {
  const name = program.name();
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: command.options.filter(({ hidden }) => !hidden),
  }));
  if (shell === "fish") return fishScript(name, commands);
  const bash = bashScript(name, commands);
  return shell === "bash" ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
}

function bashScript(name: string, commands: readonly CompletedCommand[]): string {
  const cases = commands.map(
    (command) =>
      `    ${command.name})\n      case "$before" in\n${command.options
        .flatMap((option) => {
          const values = valuesOf(option);
          return values.length > 0
            ? [
                `        ${flagsOf(option).join("|")}) COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$word")); return ;;\n`,
              ]
            : [];
        })
        .join("")}      esac\n      words="${command.options.flatMap(flagsOf).join(" ")}" ;;`,
  );
  return `# ${name} completion bash >> ~/.bashrc
_${name}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((command) => command.name).join(" ")} help" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _${name} ${name}
`;
}

function fishScript(name: string, commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name: command, summary, options }) => [
    `complete -c ${name} -n __fish_use_subcommand -f -a ${command} -d ${quoted(summary)}`,
    ...options.map((option) => {
      const values = valuesOf(option);
      const long = option.long ? ` -l ${option.long.slice(2)}` : "";
      const short = option.short ? ` -s ${option.short.slice(1)}` : "";
      const takes =
        option.required || option.optional
          ? values.length > 0
            ? ` -x -a ${quoted(values.join(" "))}`
            : " -r"
          : "";
      return `complete -c ${name} -n ${quoted(`__fish_seen_subcommand_from ${command}`)}${long}${short}${takes} -d ${quoted(option.description)}`;
    }),
  ]);
  return `# ${name} completion fish > ~/.config/fish/completions/${name}.fish\n${lines.join("\n")}\n`;
}

function flagsOf({ long, short }: Option): string[] {
  return [long, short].filter((flag) => typeof flag === "string");
}

/** The words of an option that takes one of a few, which end its description: "what it is: one, two". */
function valuesOf({ description, argChoices }: Option): readonly string[] {
  if (argChoices) return argChoices;
  const [, list] = /: ([\w.-]+(?:, [\w.-]+)+)(?:, or a .*)?(?: \(default.*)?$/.exec(description) ?? [];
  return list ? list.split(", ") : [];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`\'`)}'`;
}
