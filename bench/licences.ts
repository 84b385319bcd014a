import { readFileSync } from "node:fs";

// npm run licences: the licences of all packages that are installed along with moeplace, by package-lock.json. Ends with
// an error where one is not known to be compatible, a package has no hash, or one runs a script when it is installed.

/** Licences that ask for no more than to be named. */
const COMPATIBLE = new Set([
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "0BSD",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "Unlicense",
]);

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
const shipped = Object.entries(lock.packages).filter(([path, { dev = false }]) => path !== "" && !dev);
const namesOf = new Map<string, string[]>();
const faults: string[] = [];
for (const [path, { version, license = "none", integrity, hasInstallScript = false }] of shipped) {
  const name = `${path.replace(/^.*node_modules\//, "")}@${version}`;
  namesOf.set(license, [...(namesOf.get(license) ?? []), name]);
  if (!isCompatible(license)) faults.push(`${name}: found licence ${license}`);
  if (integrity === undefined) faults.push(`${name}: found no hash`);
  if (hasInstallScript) faults.push(`${name}: runs a script when it is installed`);
}
for (const [license, names] of [...namesOf].sort(([, a], [, b]) => b.length - a.length)) {
  console.log(`${license} (${names.length}): ${names.join(", ")}`);
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

/** Of several licences to choose from, one is enough. */
function isCompatible(license: string): boolean {
  return license
    .replace(/^\((.*)\)$/, "$1")
    .split(" OR ")
    .some((choice) => COMPATIBLE.has(choice));
}
