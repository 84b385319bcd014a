import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import ts from "typescript";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** What strict TypeScript says of a program, with the package as it is published. */
function complaintsOf(program: string): string[] {
  // In the package's own folder its name resolves to its exports.
  const file = join(root, "shown-program.mts");
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
  };
  const host = ts.createCompilerHost(options);
  const [readFile, fileExists] = [host.readFile.bind(host), host.fileExists.bind(host)];
  host.readFile = (path) => (path === file ? program : readFile(path));
  host.fileExists = (path) => path === file || fileExists(path);
  const source = host.getSourceFile.bind(host);
  host.getSourceFile = (path, language) =>
    path === file ? ts.createSourceFile(path, program, language, true) : source(path, language);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

describe("README.md", () => {
  it("shows a program that compiles under strict TypeScript, as the package is published", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    expect(complaintsOf(/^```js\n(.*?)^```$/ms.exec(readme)![1])).to.deep.equal([]);
  });

  it("is right about what the package exports", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
    const doors = readdirSync(join(root, "doors")).map((name) => `./${name.replace(/\.ts$/, "")}`);
    expect(Object.keys(exports).sort()).to.deep.equal([".", ...doors].sort());
  });
});

describe("docs/tutorials/library.md", () => {
  it("shows a program in TypeScript that compiles strictly and prints what stands below it", () => {
    const page = readFileSync(join(root, "docs/tutorials/library.md"), "utf8");
    const [, program, printed] = /^```ts\n(.*?)^```$.*?^```text\n(.*?)^```$/ms.exec(page)!;
    expect(complaintsOf(program)).to.deep.equal([]);
    const { outputText } = ts.transpileModule(program, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    });
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", outputText], {
      cwd: root,
      encoding: "utf8",
    });
    expect(stdout, stderr).to.equal(printed);
  });
});
