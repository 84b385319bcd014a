import type { Command, Option } from "commander";
import { configOptions, isRepeatable } from "./config.js";
import { valuesOf } from "./option-values.js";

/**
 * The JSON Schema of a configuration file, for editors: every option of every command, in the section of the command or, for
 * all that have it, at the top. Published as docs/config.schema.json.
 */
export function configSchema(program: Command): object {
  const commands = program.commands.filter((command) => configOptions(command).length > 0);
  const variants = new Map<string, object[]>();
  for (const option of commands.flatMap(configOptions)) {
    const known = variants.get(option.attributeName()) ?? [];
    const schema = optionSchema(option);
    if (!known.some((variant) => isSame(variant, schema))) known.push(schema);
    variants.set(option.attributeName(), known);
  }
  // What means the same everywhere is written once.
  const isShared = (name: string) => variants.get(name)?.length === 1;
  const refer = (name: string) => ({ $ref: `#/$defs/${name}` });
  const properties = Object.fromEntries(
    [...variants].map(([name, schemas]): [string, object] => [
      name,
      isShared(name) ? refer(name) : { anyOf: schemas },
    ]),
  );
  for (const command of commands) {
    const section = sectionSchema(command, (option) =>
      isShared(option.attributeName()) ? refer(option.attributeName()) : optionSchema(option),
    );
    const name = command.name();
    // A section is an object and an option is not: both may have the name.
    properties[name] = name in properties ? { anyOf: [section, properties[name]] } : section;
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of moeplace",
    type: "object",
    properties: { $schema: { type: "string" }, ...properties },
    additionalProperties: false,
    $defs: Object.fromEntries(
      [...variants].filter(([name]) => isShared(name)).map(([name, [schema]]) => [name, schema]),
    ),
  };
}

function sectionSchema(command: Command, schemaOf: (option: Option) => object): object {
  return {
    type: "object",
    description: command.summary(),
    properties: Object.fromEntries(
      configOptions(command).map((option) => [option.attributeName(), schemaOf(option)]),
    ),
    additionalProperties: false,
  };
}

function optionSchema(option: Option): object {
  const value = valuesOf(option);
  const schema = isRepeatable(option) ? { anyOf: [value, { type: "array", items: value }] } : value;
  return { description: option.description, ...schema };
}

function isSame(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
