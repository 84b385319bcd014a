import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import ts from "typescript";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

describe("README.md", () => {
  it("shows a program that compiles under strict TypeScript, as the package is published", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const program = /^```js\n(.*?)^```$/ms.exec(readme)![1];
    // In the package's own folder its name resolves to its exports.
    const file = join(root, "readme-program.mts");
    const options: ts.CompilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
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
    const compiled = ts.createProgram([file], options, host);
    const complaints = ts
      .getPreEmitDiagnostics(compiled)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    expect(complaints).to.deep.equal([]);
  });

  it("is right about what the package exports", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
    const doors = readdirSync(join(root, "doors")).map((name) => `./${name.replace(/\.ts$/, "")}`);
    expect(Object.keys(exports).sort()).to.deep.equal([".", ...doors].sort());
  });
});
