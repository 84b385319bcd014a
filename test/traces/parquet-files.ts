/** A field of a Thrift struct in the compact protocol: its number, its kind, its value. */
type Field = readonly [id: number, kind: "i32" | "i64" | "text" | "struct" | "list", value: unknown];

/** Numbers by which the compact protocol tells kinds. */
const KINDS = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const;

/** A struct of the Thrift compact protocol. Source: apache/thrift, doc/specs/thrift-compact-protocol.md. */
function struct(fields: readonly Field[]): Buffer {
  let last = 0;
  const parts = fields.map(([id, kind, value]) => {
    const head = Buffer.of(((id - last) << 4) | KINDS[kind]);
    last = id;
    return Buffer.concat([head, encoded(kind, value)]);
  });
  return Buffer.concat([...parts, Buffer.of(0)]);
}

function encoded(kind: Field[1], value: unknown): Buffer {
  if (kind === "i32" || kind === "i64") return varint(2n * BigInt(value as number));
  if (kind === "text")
    return Buffer.concat([varint(BigInt((value as string).length)), Buffer.from(value as string)]);
  if (kind === "struct") return struct(value as readonly Field[]);
  const [of, items] = value as readonly [Field[1], readonly unknown[]];
  const size =
    items.length < 15
      ? Buffer.of((items.length << 4) | KINDS[of])
      : Buffer.concat([Buffer.of(0xf0 | KINDS[of]), varint(BigInt(items.length))]);
  return Buffer.concat([size, ...items.map((item) => encoded(of, item))]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    if (left < 128n) return Buffer.of(...bytes, Number(left));
    bytes.push(Number(left & 127n) | 128);
  }
}

const INT32 = 1;
const CODECS = { none: 0, snappy: 1, gzip: 2, zstd: 6 } as const;
const [PLAIN, DICTIONARY] = [0, 8];

/** A page of whole numbers of 32 bits. */
export interface PageOfNumbers {
  /** As it stands in the file. */
  readonly bytes: Uint8Array;
  readonly numValues: number;
  /** Bytes that the page says it unpacks to; default as many as there are. */
  readonly unpacksTo?: number;
  /** Default plain values. */
  readonly kind?: "plain" | "dictionary" | "entries";
}

/**
 * Writes a Parquet file of columns of whole numbers of 32 bits that says of itself whatever it is told to, true or not.
 *
 * @param options.numGroups Row groups, which all have the same pages; default 1.
 */
export function parquetFile(
  columns: Readonly<Record<string, readonly PageOfNumbers[]>>,
  {
    numRows,
    codec = "none",
    numGroups = 1,
  }: { readonly numRows: number; readonly codec?: keyof typeof CODECS; readonly numGroups?: number },
): Buffer {
  const parts = [Buffer.from("PAR1")];
  let at = 4;
  const chunks = Object.entries(columns).map(([name, pages]) => {
    const written = Buffer.concat(pages.map(pageBytes));
    const start = at;
    parts.push(written);
    at += written.length;
    const numValues = pages.reduce((sum, page) => sum + (page.kind === "dictionary" ? 0 : page.numValues), 0);
    const firstData = pages[0].kind === "dictionary" ? pageBytes(pages[0]).length : 0;
    const metadata: Field[] = [
      [1, "i32", INT32],
      [2, "list", ["i32", [PLAIN, DICTIONARY]]],
      [3, "list", ["text", [name]]],
      [4, "i32", CODECS[codec]],
      [5, "i64", numValues],
      [6, "i64", written.length],
      [7, "i64", written.length],
      [9, "i64", start + firstData],
      ...(firstData > 0 ? [[11, "i64", start] as const] : []),
    ];
    return [[2, "i64", start], [3, "struct", metadata]] as Field[]; // prettier-ignore
  });
  const group: Field[] = [
    [1, "list", ["struct", chunks]],
    [2, "i64", at - 4],
    [3, "i64", numRows],
  ];
  const root: Field[] = [[4, "text", "schema"], [5, "i32", chunks.length]]; // prettier-ignore
  const leaves = Object.keys(columns).map((name): Field[] => [[1, "i32", INT32], [3, "i32", 0], [4, "text", name]]); // prettier-ignore
  const footer = struct([
    [1, "i32", 1],
    [2, "list", ["struct", [root, ...leaves]]],
    [3, "i64", numRows * numGroups],
    [4, "list", ["struct", Array<Field[]>(numGroups).fill(group)]],
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([...parts, footer, length, Buffer.from("PAR1")]);
}

function pageBytes({ bytes, numValues, unpacksTo = bytes.length, kind = "plain" }: PageOfNumbers): Buffer {
  const encoding = kind === "entries" ? DICTIONARY : PLAIN;
  const head: Field[] =
    kind === "dictionary"
      ? [[7, "struct", [[1, "i32", numValues], [2, "i32", PLAIN]]]] // prettier-ignore
      : [[5, "struct", [[1, "i32", numValues], [2, "i32", encoding], [3, "i32", 3], [4, "i32", 3]]]]; // prettier-ignore
  const page: Field[] = [
    [1, "i32", kind === "dictionary" ? 2 : 0],
    [2, "i32", unpacksTo],
    [3, "i32", bytes.length],
    ...head,
  ];
  return Buffer.concat([struct(page), bytes]);
}
