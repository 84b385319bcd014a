import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import ts from "typescript";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** So many fields of the problem make a parameter the whole problem, whatever its type is called. */
const MOST_FIELDS_OF_A_MODEL = 10;

/** Who hands the problem from `place` to the solver that was asked for, which no import says. */
const HANDED_ON = [
  "solvers/threads/layer-threads.ts",
  "solvers/threads/layer-worker.ts",
  "solvers/objectives/pursue.ts",
  "solvers/index.ts",
  "solvers/constraints/even-slots.ts",
  "solvers/groups/router-groups.ts",
];

/**
 * Holds how far a placement problem wanders: rooms take models as narrow as they need.
 *
 * The compiler says what every parameter is, so a type under another name, an extended, picked or inferred one counts too. A file
 * counts where it can be reached by imports and has code with such a parameter; so the numbers are above what a problem enters.
 */
describe("the whole placement problem", () => {
  const program = openProgram(["lib/flows/place.ts", ...HANDED_ON]);
  const checker = program.getTypeChecker();
  const fields = fieldsOf("lib/placement/problem.ts", "PlacementProblem");

  it("has more fields than any model", () => {
    expect(fields.size).to.be.greaterThan(MOST_FIELDS_OF_A_MODEL);
  });

  it("enters at most 6 files of exact, where the proof is", () => {
    const entered = filesEntered("solvers/exact.ts");
    expect(entered).to.include("solvers/exact.ts");
    expect(entered.length, entered.join(", ")).to.be.at.most(6);
  });

  it("enters at most 6 files of local search", () => {
    const entered = filesEntered("solvers/local-search.ts");
    expect(entered).to.include("solvers/local-search.ts");
    expect(entered.length, entered.join(", ")).to.be.at.most(6);
  });

  it("enters at most 12 files from place to the end of exact", () => {
    const ahead = ["lib/flows/place.ts", ...HANDED_ON].filter((file) => hasWholeProblem(sourceOf(file)));
    const entered = [...new Set([...ahead, ...filesEntered("solvers/exact.ts")])];
    expect(ahead).to.include("solvers/threads/layer-worker.ts");
    expect(entered.length, entered.join(", ")).to.be.at.most(12);
  });

  it("is unknown to what searches, prices, bounds and solves", () => {
    const entered = filesEntered("solvers/exact.ts").filter((file) =>
      /^solvers\/(bounds|search|starts|milp)\//.test(file),
    );
    expect(entered).to.deep.equal([]);
    const ofColumns = filesEntered("solvers/exact.ts").filter((file) => file.startsWith("solvers/columns/"));
    expect(ofColumns).to.deep.equal(["solvers/columns/place-by-columns.ts"]);
  });

  /** Files, reached by imports from a file, with code that has the whole problem as a parameter. */
  function filesEntered(from: string): string[] {
    return reachedFrom(from).filter((file) => hasWholeProblem(sourceOf(file)));
  }

  function sourceOf(file: string): ts.SourceFile {
    const source = program.getSourceFile(resolve(root, file));
    if (!source) throw new Error(`${file} is not part of the program`);
    return source;
  }

  function fieldsOf(file: string, name: string): ReadonlySet<string> {
    const declared = sourceOf(file).statements.find(
      (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
    );
    if (!declared) throw new Error(`${file} declares no ${name}`);
    return new Set(
      checker.getPropertiesOfType(checker.getTypeAtLocation(declared)).map((field) => field.name),
    );
  }

  function hasWholeProblem(source: ts.SourceFile): boolean {
    let found = false;
    const visit = (node: ts.Node): void => {
      // Signatures without a body hand nothing on.
      if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
        if (node.parameters.some((parameter) => isOrHoldsProblem(checker.getTypeAtLocation(parameter))))
          found = true;
      }
      if (!found) ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  }

  function isOrHoldsProblem(type: ts.Type): boolean {
    const held = checker.getPropertiesOfType(type).map((field) => checker.getTypeOfSymbol(field));
    const element = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
    return [type, ...held, ...(element ? [element] : [])].some(isProblem);
  }

  function isProblem(type: ts.Type): boolean {
    const known = checker.getPropertiesOfType(type).filter(({ name }) => fields.has(name));
    return known.length > MOST_FIELDS_OF_A_MODEL;
  }

  /** Files that a file imports, and those that they import, itself included; imports of types alone lead nowhere. */
  function reachedFrom(file: string): string[] {
    const reached = new Set([file]);
    for (const next of reached) {
      for (const statement of sourceOf(next).statements) {
        if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
        const { moduleSpecifier } = statement;
        if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) continue;
        if (!moduleSpecifier.text.startsWith(".") || isOfTypes(statement)) continue;
        const imported = resolve(root, dirname(next), moduleSpecifier.text.replace(/\.js$/, ".ts"));
        if (existsSync(imported)) reached.add(relative(root, imported));
      }
    }
    return [...reached].sort();
  }
});

/** Opens the files, and what they import of this project, for the compiler; packages are not read, to be quick. */
function openProgram(files: readonly string[]): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.es5.d.ts"],
    types: [],
    strict: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, containingFile) =>
    literals.map(({ text }) => {
      const path = resolve(dirname(containingFile), text.replace(/\.js$/, ".ts"));
      const isOurs = text.startsWith(".") && existsSync(path);
      return { resolvedModule: isOurs ? { resolvedFileName: path, extension: ts.Extension.Ts } : undefined };
    });
  return ts.createProgram(
    files.map((file) => resolve(root, file)),
    options,
    host,
  );
}

/** Whether nothing but types is imported. */
function isOfTypes(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  const clause = statement.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings } = clause;
  return (
    clause.name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}
