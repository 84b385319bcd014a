/** What the one reader that uses node:stream and csv-parse needs of them: the table is read whole, then its rows are handed on. */
import { CsvError, parse as parseWhole, type Options } from "csv-parse/browser/esm/sync";

export { CsvError };

export const Readable = { from: <T>(source: T): T => source };

export function parse(options: Options): Options {
  return options;
}

export async function pipeline(
  source: AsyncIterable<Uint8Array>,
  options: Options,
  take: (rows: AsyncIterable<unknown>) => Promise<void>,
): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of source) text += decoder.decode(chunk, { stream: true });
  const rows: unknown[] = parseWhole(text + decoder.decode(), options);
  await take(
    (async function* () {
      yield* rows;
      await Promise.resolve();
    })(),
  );
}
