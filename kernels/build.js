/**
 * Compiles the kernels of this folder, which are AssemblyScript, and writes them as text into lib/kernels/binaries.ts: so
 * threads, bundles and the package have them without a file to be found.
 *
 * `npm run build` runs it; `--check` writes nothing and ends with an error where what is written is not what is compiled.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = fileURLToPath(new URL(".", import.meta.url));
const target = fileURLToPath(new URL("../lib/kernels/binaries.ts", import.meta.url));
/** Memory is made by who calls, as large as it takes; kernels allocate none, and vectors are what they are for. */
const OPTIONS = ["-O3", "--runtime", "stub", "--importMemory", "--enable", "simd", "--noAssert"];

const names = readdirSync(folder)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.slice(0, -".ts".length))
  .sort();
const lines = [];
for (const name of names) lines.push(`  "${name}":\n    "${(await compile(name)).toString("base64")}",\n`);
const text =
  "// Written by kernels/build.js.\n\n/** The kernels by name, as WebAssembly in base64. */\n" +
  `export const binaries = {\n${lines.join("")}} as const;\n`;
if (readFileSync(target, "utf8") !== text) {
  if (process.argv.includes("--check")) throw new Error("lib/kernels/binaries.ts: run npm run build");
  writeFileSync(target, text);
  console.log("wrote lib/kernels/binaries.ts");
}

/** @param {string} name */
async function compile(name) {
  let binary = Buffer.alloc(0);
  const { error, stderr } = await asc.main([`${name}.ts`, "--outFile", `${name}.wasm`, ...OPTIONS], {
    readFile: (file) => readSource(file),
    writeFile: (file, contents) => {
      binary = Buffer.from(contents);
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${name}: ${error.message}\n${stderr.toString()}`);
  return binary;
}

/** @param {string} file */
function readSource(file) {
  try {
    return readFileSync(`${folder}${file}`, "utf8");
  } catch {
    return null;
  }
}
