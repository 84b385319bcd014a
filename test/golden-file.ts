import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/**
 * Expects a file of the project to hold exactly `data`; with UPDATE_GOLDEN=1 writes it instead.
 *
 * @param path Relative to the project.
 */
export function expectGolden(path: string, data: string | Uint8Array): void {
  const file = resolve(root, path);
  if (process.env.UPDATE_GOLDEN === "1") {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, data);
  }
  if (typeof data === "string") expect(readFileSync(file, "utf8"), path).to.equal(data);
  else expect(readFileSync(file).equals(data), `${path} is as it was`).to.be.true;
}
