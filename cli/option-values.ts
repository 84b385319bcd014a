import type { Option } from "commander";

/** What an option takes, as JSON Schema. */
export type ValueSchema = Readonly<Record<string, unknown>>;

const schemas = new WeakMap<Option, ValueSchema>();

/** Notes what an option takes, which commander does not know of an option that reads its value itself. */
export function withValues(option: Option, schema: ValueSchema): Option {
  schemas.set(option, schema);
  return option;
}

/** What an option takes: text or a number unless more was noted. */
export function valuesOf(option: Option): ValueSchema {
  if (!option.required && !option.optional) return { type: "boolean" };
  return schemas.get(option) ?? { type: ["string", "number"] };
}
