import { isLegacyTorch } from "./torch-file.js";

/** A kind of file that is not read. */
interface OtherKind {
  readonly name: string;
  /** How to make of it what is read. */
  readonly wayOut: string;
  recognises(bytes: Buffer): boolean;
}

const UNPACK = "Maybe unpack it first; gzip and zstd are read as they are.";

const OTHER_KINDS: readonly OtherKind[] = [
  {
    name: "the old torch format",
    wayOut:
      "Maybe save it again as torch does since version 1.6: " +
      `python -c "import torch; torch.save(torch.load('OLD.pt', map_location='cpu', weights_only=True), 'NEW.pt')".`,
    recognises: isLegacyTorch,
  },
  {
    name: "a Python pickle",
    wayOut:
      "Maybe load it where it was made and write the ids with numpy.save; a pickle runs code, so none is read but torch's.",
    recognises: (bytes) => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5,
  },
  {
    name: "HDF5",
    wayOut: "Maybe write its ids with numpy.save.",
    recognises: begins("\x89HDF\r\n"),
  },
  {
    name: "Arrow",
    wayOut: 'Maybe write it as Parquet: datasets.load_from_disk("FOLDER").to_parquet("trace.parquet").',
    recognises: (bytes) => begins("ARROW1")(bytes) || begins("\xff\xff\xff\xff")(bytes),
  },
  {
    name: "SQLite",
    wayOut: "Maybe write the rows as CSV: layer,token,expert,expert,...",
    recognises: begins("SQLite format 3"),
  },
  { name: "xz", wayOut: UNPACK, recognises: begins("\xfd7zXZ") },
  { name: "bzip2", wayOut: UNPACK, recognises: begins("BZh") },
  { name: "7z", wayOut: UNPACK, recognises: begins("7z\xbc\xaf") },
  { name: "lz4", wayOut: UNPACK, recognises: begins("\x04\x22\x4d\x18") },
  {
    name: "tar",
    wayOut: "Maybe unpack it first, and pass the folder.",
    recognises: (bytes) => bytes.toString("latin1", 257, 262) === "ustar",
  },
  {
    name: "text in UTF-16 without a byte order mark",
    wayOut: "Maybe save it as UTF-8; in PowerShell: Out-File -Encoding utf8.",
    recognises: (bytes) => /^([\t\n\r -~]\0){2}|^(\0[\t\n\r -~]){2}/.test(bytes.toString("latin1", 0, 4)),
  },
];

/** What a file is that holds no trace as it is, and the way out; undefined where it is no kind that is known. */
export function otherKind(bytes: Buffer): Pick<OtherKind, "name" | "wayOut"> | undefined {
  return OTHER_KINDS.find((kind) => kind.recognises(bytes));
}

function begins(text: string): (bytes: Buffer) => boolean {
  return (bytes) => bytes.toString("latin1", 0, text.length) === text;
}
