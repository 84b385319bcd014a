import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { openWorkplace } from "./cli/run-cli.js";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const docs = join(root, "docs");
const read = (name: string) => readFileSync(join(docs, name), "utf8");

/** Runs a line that a shell has to read, with the command line of this build. */
function inShell(line: string, folder: string): { exitCode: number | null; stdout: string; stderr: string } {
  const own = line.replaceAll("npx moeplace", `${process.execPath} ${join(root, "dist/cli.js")}`);
  const { status, stdout, stderr } = spawnSync("sh", ["-c", own], { cwd: folder, encoding: "utf8" });
  return { exitCode: status, stdout, stderr };
}

describe("docs", () => {
  for (const name of readdirSync(join(docs, "tutorials"))) {
    const text = read(join("tutorials", name));
    const commands = [...text.matchAll(/```console\n([^]*?)```/g)].flatMap(
      ([, block]) => block.match(/^\$ .*$/gm) ?? [],
    );
    const examples = text.match(/\]\((?:\.\.\/)+examples\/[^)]+\)/g) ?? [];

    it(`tutorials/${name} has something to run`, () => {
      expect(commands.length + examples.length).to.be.greaterThan(0);
    });

    if (commands.length > 0) {
      it(`tutorials/${name} shows commands that work, in their order`, async () => {
        const place = openWorkplace();
        let printed = "";
        for (const command of commands) {
          const line = command.replace(/^\$ /, "");
          const { exitCode, stdout, stderr } = / > |^(?!npx moeplace )/.test(line)
            ? inShell(line, place.folder)
            : await place.run(...line.replace("npx moeplace ", "").split(" "));
          expect(exitCode, `${command}\n${stderr}`).to.equal(0);
          printed += stdout;
        }
        place.remove();
        // Times in the text between are those that the commands print.
        const told = text.replace(/```[^]*?```/g, "").match(/\d[\d.]* (?:ms|us|s)\b/g) ?? [];
        const steps = (printed.match(/^A step takes .*$/gm) ?? []).join("\n");
        expect(
          told.filter((time) => !printed.includes(time)),
          steps,
        ).to.deep.equal([]);
      });
    }
  }

  it("link to files that are there", () => {
    const pages = readdirSync(docs, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".md"),
    );
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(([, link]) => link)
        .filter((link) => !existsSync(join(docs, dirname(page), link)))
        .map((link) => `${page}: ${link}`),
    );
    expect(broken).to.deep.equal([]);
  });
});
