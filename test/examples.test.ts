import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "chai";
import ts from "typescript";
import { openExampleScope, type ExampleScope } from "./example-scope.js";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** One `@example` of a doc comment. */
interface Example {
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

const files = ["lib", "program", "solvers", "traces"].flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(room, name)),
);

/** The file that exports a name. */
const fileOfExport = new Map<string, string>();
for (const file of files) {
  const exported = /^export (?:async )?(?:function\*?|const|class) (\w+)/gm;
  for (const [, name] of readFileSync(join(root, file), "utf8").matchAll(exported))
    fileOfExport.set(name, file);
}

let numCompared = 0;

describe("@examples", () => {
  let scope: ExampleScope;
  before(async () => {
    scope = await openExampleScope();
  });
  after(() => {
    scope.close();
  });

  for (const example of files.flatMap(examplesOf)) {
    it(`${example.file}:${example.line} runs and gives what it says`, () => run(example, scope));
  }

  it("mostly say what they give", () => {
    expect(numCompared).to.be.at.least(50);
  });
});

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^ *\* @example\n((?: *\*(?! @|\/).*\n)*)/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length,
    code: match[1].replace(/^ *\* ?/gm, ""),
  }));
}

/** Runs the statements of an example; what a comment after a statement begins with, its value has to be. */
async function run({ file, code }: Example, scope: ExampleScope): Promise<void> {
  const source = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  const steps = source.statements.map((statement) => {
    const comments = commentsAfter(code, statement.end);
    const isValue = ts.isExpressionStatement(statement) && comments.length > 0;
    const expression = isValue ? statement.expression.getText() : "";
    return isValue
      ? `await $check(async () => (${expression}), ${JSON.stringify(comments)});`
      : statement.getText();
  });
  const names = [...new Set(code.match(/\b[A-Za-z]\w*\b/g))].filter(
    (name) => name in scope.values || fileOfExport.has(name),
  );
  const declared = new Set([...code.matchAll(/\bconst (\w+)/g)].map(([, name]) => name));
  const given = names.filter((name) => !declared.has(name));
  const values = await Promise.all(given.map((name) => exportOf(name, file, scope.values[name])));
  const body = `return (async () => { ${ts.transpile(steps.join("\n"), { target: ts.ScriptTarget.ES2022 })} })();`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- examples are code of this repository
  await (new Function("$check", ...given, body) as (...values: unknown[]) => Promise<void>)(check, ...values);
}

/** An export of the example's own file, or else a value of the scope, or else an export of another file. */
async function exportOf(name: string, user: string, given: unknown): Promise<unknown> {
  const own = new RegExp(`^export (?:async )?(?:function\\*?|const|class) ${name}\\b`, "m");
  const isOwn = own.test(readFileSync(join(root, user), "utf8"));
  if (!isOwn && given !== undefined) return given;
  const file = isOwn ? user : fileOfExport.get(name)!;
  const path = join(root, "dist", file.replace(/\.ts$/, ".js"));
  return ((await import(pathToFileURL(path).href)) as Record<string, unknown>)[name];
}

/** Lines of the comment behind a statement, on its line or on lines of their own. */
function commentsAfter(code: string, end: number): string[] {
  const sameLine = ts.getTrailingCommentRanges(code, end) ?? [];
  const nextLines = ts.getLeadingCommentRanges(code, code.indexOf("\n", end)) ?? [];
  const ranges = sameLine.length > 0 ? sameLine : nextLines;
  return ranges.map(({ pos, end }) => code.slice(pos, end).replace(/^\/\/ ?/, ""));
}

async function check(evaluate: () => Promise<unknown>, comments: string[]): Promise<void> {
  const value = await evaluate().catch((error: unknown) => error);
  const [first] = comments;
  if (typeof value === "string" && !/^["']/.test(first)) {
    expect(value.trimEnd().split("\n")).to.deep.equal(comments.map((line) => line.trimEnd()));
    numCompared++;
    return;
  }
  if (value instanceof Error) {
    const found = `${value.constructor.name} ${JSON.stringify(value.message)}`;
    expect(found, value.stack).to.equal(comments.join(" "));
    numCompared++;
    return;
  }
  const expected = valueIn(comments.join(" "));
  if (expected === undefined) return;
  expectAsShown(value, expected.value);
  numCompared++;
}

/** The value with which a comment begins, if it begins with any: what follows is for people. */
function valueIn(comment: string): { value: unknown } | undefined {
  const start = comment.replace(/^\w+Array (?=\[)/, "");
  if (!/^[-\d["'{]|^(true|false|undefined|Infinity)\b/.test(start)) return undefined;
  for (let end = start.length; end > 0; end--) {
    const isWhole = end === start.length || /^[,:;. ]/.test(start.slice(end));
    if (!isWhole) continue;
    try {
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- examples are code of this repository
      const values = (new Function(`return [${start.slice(0, end)}];`) as () => unknown[])();
      if (values.length === 1) return { value: values[0] };
    } catch {
      // A shorter beginning may be a value.
    }
  }
  throw new Error(`found no whole value in the result ${comment}`);
}

/** Numbers are shown rounded; objects and arrays are shown in full. */
function expectAsShown(actual: unknown, shown: unknown): void {
  if (typeof shown === "number" && typeof actual === "number" && Number.isFinite(shown)) {
    const [mantissa, exponent = "0"] = String(shown).split("e");
    const decimals = (mantissa.split(".")[1] ?? "").length;
    expect(actual).to.be.closeTo(shown, decimals === 0 ? 1e-9 : 0.5001 * 10 ** (Number(exponent) - decimals));
  } else if (Array.isArray(shown)) {
    expect(actual).to.have.length(shown.length);
    shown.forEach((item, index) => {
      expectAsShown((actual as ArrayLike<unknown>)[index], item);
    });
  } else if (typeof shown === "object" && shown !== null) {
    expect(actual).to.have.all.keys(Object.keys(shown));
    for (const [key, item] of Object.entries(shown))
      expectAsShown((actual as Record<string, unknown>)[key], item);
  } else expect(actual).to.equal(shown);
}
