import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** The rooms of the house, and whom each may import besides itself. */
const mayImport: Record<string, readonly string[]> = {
  lib: [],
  traces: ["lib"],
  solvers: ["lib"],
  program: ["lib", "traces", "solvers"],
  index: ["lib", "traces", "solvers", "program"],
  doors: ["lib", "traces", "solvers"],
  cli: ["index", "doors"],
  playground: ["lib", "traces", "solvers"],
  kernels: [],
};

/** The floors of lib, lowest first: a file imports from its own floor or from lower ones. */
const floors: readonly (readonly string[])[] = [
  [
    "printable",
    "version",
    "unknown-name",
    "counted",
    "describe-value",
    "errors",
    "plausible-size",
    "statistics",
    "random",
    "assignment",
    "containers",
    "kernels",
  ],
  ["trace", "hardware", "task-graph"],
  ["placement"],
  ["performance"],
  ["schedule"],
  ["flows"],
  ["export", "report", "paper"],
];

describe("architecture", () => {
  const imports = sourceFiles().flatMap(edgesOf);

  it("finds the sources", () => {
    expect(imports.length).to.be.greaterThan(20);
  });

  it("lets a room import only the rooms it may", () => {
    const broken = imports.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)];
      return from !== to && !mayImport[from].includes(to);
    });
    expect(broken).to.deep.equal([]);
  });

  it("keeps the floors of lib in order", () => {
    const inLib = imports.filter(({ file, target }) => roomOf(file) === "lib" && roomOf(target) === "lib");
    expect(inLib.filter(({ file, target }) => floorOf(target) > floorOf(file))).to.deep.equal([]);
  });

  it("has no import cycle, in benchmarks and tests neither", () => {
    const targetsOf = new Map<string, string[]>();
    const all = [...imports, ...["bench", "test"].flatMap(filesOf).flatMap(edgesOf)];
    for (const { file, target } of all) targetsOf.set(file, [...(targetsOf.get(file) ?? []), target]);
    expect(findCycle(targetsOf)).to.deep.equal([]);
  });

  it("names every small number, and every tolerance in the one file of its floor", () => {
    const small = sourceFiles().flatMap((file) =>
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .filter((line) => /\de-\d/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line))
        .map((line) => ({ file, name: /^(?:export )?const (\w+) = /.exec(line)?.[1] ?? "none" })),
    );
    expect(small.length).to.be.greaterThan(10);
    const owned = small.filter(({ file }) => basename(file) !== "tolerance.ts");
    expect(
      owned.filter(({ name }) => name === "none" || /TOLERANCE|ROUNDING|EPSILON|MARGIN/.test(name)),
    ).to.deep.equal([]);
  });
});

/** Source files of the rooms, relative to the project. */
function sourceFiles(): string[] {
  const ignored = new Set(["node_modules", "dist", "coverage", "test", "bench", ".git"]);
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    if (ignored.has(entry.name)) return [];
    if (!entry.isDirectory()) return entry.name.endsWith(".ts") ? [entry.name] : [];
    return filesOf(entry.name);
  });
}

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function edgesOf(file: string): { file: string; target: string }[] {
  return importsOf(file).map((target) => ({ file, target }));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import\(|new URL\()\s*"(\.[^"]+)\.js"/g)].map(([, path]) =>
    relative(root, resolve(root, dirname(file), `${path}.ts`)),
  );
}

function roomOf(file: string): string {
  return file.split("/")[0].replace(/\.ts$/, "");
}

function floorOf(file: string): number {
  const name = file.split("/")[1].replace(/\.ts$/, "");
  const floor = floors.findIndex((names) => names.includes(name));
  expect(floor, `${file} has a floor`).to.be.at.least(0);
  return floor;
}

function findCycle(targetsOf: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    done.add(file);
    for (const target of targetsOf.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    return [];
  };
  for (const file of targetsOf.keys()) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
