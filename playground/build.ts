/** Builds the page of `moeplace playground`: one file with the library, HiGHS and the script in it. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build as bundleFiles, type BuildOptions, type Plugin } from "esbuild";
import { reportStyle } from "../lib/report/report-style.js";
import { readVersion } from "../lib/version.js";
import { playgroundBody, playgroundStyle } from "./page-parts.js";

const dist = resolve(fileURLToPath(new URL("..", import.meta.url)));
const root = resolve(dist, "..");

/** Where the page lies once it is built. */
export const playgroundFile = resolve(dist, "playground.html");

/** What takes the place of modules that only Node has, and of files that rest on them. */
const REPLACED: Readonly<Record<string, string | undefined>> = {
  "node:crypto": "crypto",
  "node:fs/promises": "files",
  "node:path": "path",
  "node:buffer": "buffer-constants",
  "node:zlib": "zlib",
  "node:stream": "stream",
  "node:stream/promises": "stream",
  "csv-parse": "stream",
  "traces/bytes/gunzip.js": "gunzip",
  "solvers/milp/worker-pool.js": "milp",
  "solvers/milp/load-highs.js": "load-highs",
  "lib/version.js": "version",
};

const replacements: Plugin = {
  name: "what only Node has",
  setup(build) {
    build.onResolve({ filter: /./ }, ({ path, resolveDir }) => {
      const name = path.startsWith(".") ? resolve(resolveDir, path).slice(dist.length + 1) : path;
      const replacement = REPLACED[name];
      return replacement === undefined
        ? undefined
        : { path: resolve(dist, "playground/node", `${replacement}.js`) };
    });
  },
};

/** @returns The page. */
export async function buildPlayground(): Promise<string> {
  const common: BuildOptions = {
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    target: "es2023",
    logLevel: "warning",
  };
  const bundle = async (options: BuildOptions) => {
    const { outputFiles } = await bundleFiles({ ...common, ...options });
    return outputFiles?.[0].contents ?? new Uint8Array();
  };
  const worker = await bundle({
    entryPoints: [resolve(dist, "playground/worker.js")],
    inject: [resolve(dist, "playground/node/global-buffer.js")],
    // HiGHS makes an address of it, though it is given its bytes.
    define: { VERSION: JSON.stringify(readVersion()), "import.meta.url": '"file:///"' },
    loader: { ".wasm": "binary" },
    conditions: ["browser", "import"],
    // HiGHS asks for it where it runs in Node.
    external: ["node:module"],
    plugins: [replacements],
  });
  const script = Buffer.from(await bundle({ entryPoints: [resolve(root, "playground/page/page.js")] }))
    .toString("utf8")
    .trim();
  const hash = createHash("sha256").update(script).digest("base64");
  // Nothing is loaded, and no script runs but the page's own; its worker is made from what the page holds.
  const policy = [
    "default-src 'none'",
    "img-src data:",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${hash}' blob: 'wasm-unsafe-eval'`,
    "worker-src blob:",
  ].join("; ");
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>moeplace playground</title><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<style>${reportStyle}${playgroundStyle}</style></head><body>`,
    playgroundBody(readVersion()),
    `<script type="application/gzip" id="worker">${gzipSync(worker, { level: 9 }).toString("base64")}</script>`,
    `<script>${script}</script></body></html>\n`,
  ].join("\n");
}

// Run by npm run build; tests call the function.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(playgroundFile, await buildPlayground());
  console.log(`wrote dist/playground.html, ${(readFileSync(playgroundFile).length / 1e6).toFixed(1)} MB`);
}
