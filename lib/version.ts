import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the package, two above this file once it is built. */
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folders of the build that are not shipped. */
const NOT_SHIPPED = new Set(["test", "bench"]);

/** The version in package.json. */
export function readVersion(): string {
  return readPackage(root).version;
}

/**
 * The version and a hash of all that decides results: every file of code as it is shipped, and the versions of the
 * packages that it runs on. Two builds of one version differ in it.
 *
 * @example
 * readBuild().length; // 18, as in "0.1.0-5f2b6c0e91d3"
 */
export function readBuild(): string {
  const hash = createHash("sha256");
  const built = join(root, "dist");
  const files = readdirSync(built, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".js") && !NOT_SHIPPED.has(name.split(/[\\/]/)[0]),
  );
  for (const name of files.sort()) hash.update(`${name}\n`).update(readFileSync(join(built, name)));
  const { version, dependencies = {} } = readPackage(root);
  for (const name of Object.keys(dependencies).sort()) hash.update(`${name} ${installedVersion(name)}\n`);
  return `${version}-${hash.digest("hex").slice(0, 12)}`;
}

/** The version of a package as Node finds it from here. */
function installedVersion(name: string): string {
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return readPackage(found).version;
  }
  return "none";
}

function readPackage(folder: string): { version: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
}
