import { appendFileSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readTrace } from "../../traces/read-trace.js";
import { expectRejection } from "../expect-rejection.js";
import { sampleTrace, traceText } from "../sample-trace.js";
import { fixture } from "./trace-files.js";

describe("a file that changes while it is read", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "moeplace-changing-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const text = traceText(sampleTrace());
  const changes: [string, string | Buffer, (path: string) => void][] = [
    [
      "grows",
      text,
      (path) => {
        appendFileSync(path, text.split("\n")[1]);
      },
    ],
    [
      "is written anew",
      text,
      (path) => {
        utimesSync(path, 1, 1);
      },
    ],
    [
      "grows packed",
      gzipSync(text),
      (path) => {
        appendFileSync(path, gzipSync(text));
      },
    ],
    [
      "grows as a table",
      readFileSync(fixture("rows-zstd.parquet")),
      (path) => {
        appendFileSync(path, "PAR1");
      },
    ],
  ];
  for (const [what, content, change] of changes) {
    it(`is refused where it ${what}`, async () => {
      const path = join(folder, "trace");
      writeFileSync(path, content);
      await readTrace([path]);
      let isChanged = false;
      const onProgress = () => {
        if (!isChanged) change(path);
        isChanged = true;
      };
      await expectRejection(readTrace([path], { onProgress }), "changed while it was read");
    });
  }
});
