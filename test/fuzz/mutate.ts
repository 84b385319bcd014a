import type { Random } from "../../lib/random.js";

/** What takes the place of numbers, in text. */
const NUMBERS = [
  "0", "-1", "1", "7", "64", "255", "256", "4096", "4097", "65535", "65536", "1e9", "1000000000", "2147483648",
  "9007199254740993", "1e308", "1e400", "-1e308", "0.5", "NaN", "Infinity", "null", "\"8\"", "[]", "[[1]]", "{}",
  "[".repeat(20_000) + "]".repeat(20_000), '{"a":'.repeat(20_000) + "0" + "}".repeat(20_000), `[${"0,".repeat(150_000)}0]`,
]; // prettier-ignore

/** What takes the place of values, in JSON. */
const VALUES: readonly unknown[] = [
  null, true, -1, 0, 0.5, 1e9, 65536, 4097, 1e308, "", "8", "__proto__", "\u001b[2J", [], [[]], [null], {}, { constructor: 1 },
]; // prettier-ignore

/** Names of Object.prototype, which look up something in any object. */
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "length"];

const PIECES = [
  "\n",
  "\r\n",
  "\n\n",
  '"',
  "'",
  ",",
  "\t",
  "[",
  "]",
  "{",
  "}",
  "\0",
  "\uFEFF",
  "\u001b[31m",
  "&a ",
  "*a",
  "- ",
];

/** Changes a file in up to four ways, as the random stream says. */
export function mutate(sample: Buffer, random: Random): Buffer {
  let bytes = sample;
  const times = 1 + random.below(4);
  for (let time = 0; time < times; time++) bytes = change(bytes, random);
  return bytes;
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const mutations: readonly Mutation[] = [
  truncate,
  flipBytes,
  (bytes, random) => splice(bytes, random, (part) => Buffer.concat([part, part])),
  (bytes, random) => splice(bytes, random, () => Buffer.alloc(0)),
  (bytes, random) => insert(bytes, random, Buffer.from(pick(PIECES, random))),
  (bytes, random) => insert(bytes, random, Buffer.from(pick(["[", '{"a":', "("], random).repeat(20000))),
  insertWord,
  replaceNumber,
  replaceNumber,
  replaceNumber,
  swapNumbers,
  replaceValue,
  replaceValue,
  replaceValue,
];

function change(bytes: Buffer, random: Random): Buffer {
  return bytes.length === 0 ? bytes : pick(mutations, random)(bytes, random);
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.below(bytes.length));
}

function flipBytes(bytes: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  // Half of the time near the beginning, where headers are.
  const within = random.below(2) === 0 ? Math.min(bytes.length, 200) : bytes.length;
  for (let flip = random.below(8); flip >= 0; flip--) changed[random.below(within)] = random.below(256);
  return changed;
}

function splice(bytes: Buffer, random: Random, replace: (part: Buffer) => Buffer): Buffer {
  const from = random.below(bytes.length);
  const to = Math.min(bytes.length, from + 1 + random.below(Math.max(1, bytes.length >> 1)));
  return Buffer.concat([bytes.subarray(0, from), replace(bytes.subarray(from, to)), bytes.subarray(to)]);
}

function insert(bytes: Buffer, random: Random, piece: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

/** Writes a number of 32 or 64 bits over what is there. */
function insertWord(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < 8) return bytes;
  const changed = Buffer.from(bytes);
  const at = random.below(Math.min(bytes.length, 400) - 7);
  const word = pick([0, 1, 255, 65536, 0x7fffffff, 0xffffffff, 1e9], random);
  changed.writeUInt32LE(word, at);
  if (random.below(2) === 0) changed.writeUInt32LE(pick([0, 1, 0xffffffff], random), at + 4);
  return changed;
}

function replaceNumber(bytes: Buffer, random: Random): Buffer {
  const numbers = numbersIn(bytes);
  if (numbers.length === 0) return bytes;
  const { from, to } = pick(numbers, random);
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(pick(NUMBERS, random)), bytes.subarray(to)]);
}

function swapNumbers(bytes: Buffer, random: Random): Buffer {
  const numbers = numbersIn(bytes);
  if (numbers.length < 2) return bytes;
  const at = random.below(numbers.length - 1);
  const [first, second] = [numbers[at], numbers[at + 1]];
  const parts = [
    [0, first.from],
    [second.from, second.to],
    [first.to, second.from],
    [first.from, first.to],
  ];
  return Buffer.concat([...parts.map(([from, to]) => bytes.subarray(from, to)), bytes.subarray(second.to)]);
}

/** Where numbers are in the text of a file, as far as it is looked at. */
function numbersIn(bytes: Buffer): { from: number; to: number }[] {
  const text = bytes.toString("latin1", 0, 20000);
  return [...text.matchAll(/-?\d+(\.\d+)?/g)].map(({ index, 0: { length } }) => ({
    from: index,
    to: index + length,
  }));
}

/** Changes a value or a name within the JSON of a file, or of one of its lines. */
function replaceValue(bytes: Buffer, random: Random): Buffer {
  const text = bytes.toString("utf8");
  const whole = changedJson(text, random);
  if (whole !== undefined) return Buffer.from(whole);
  const lines = text.split("\n");
  const at = random.below(2) === 0 ? 0 : random.below(lines.length);
  const line = changedJson(lines[at], random);
  return line === undefined
    ? bytes
    : Buffer.from([...lines.slice(0, at), line, ...lines.slice(at + 1)].join("\n"));
}

function changedJson(text: string, random: Random): string | undefined {
  try {
    const root: unknown = JSON.parse(text);
    if (typeof root !== "object" || root === null) return undefined;
    changeWithin(root as Record<string, unknown>, random);
    return JSON.stringify(root);
  } catch {
    // No JSON, or nested too deep to write.
    return undefined;
  }
}

/** Goes down at random, and changes what is there. */
function changeWithin(parent: Record<string, unknown>, random: Random): void {
  const keys = Object.keys(parent);
  if (keys.length === 0) return;
  const key = pick(keys, random);
  const value = parent[key];
  if (typeof value === "object" && value !== null && random.below(4) > 0) {
    changeWithin(value as Record<string, unknown>, random);
    return;
  }
  const swapped = pick(keys, random);
  switch (random.below(5)) {
    case 0:
      [parent[key], parent[swapped]] = [parent[swapped], value];
      return;
    case 1:
      if (!Array.isArray(parent)) Reflect.deleteProperty(parent, key);
      return;
    case 2:
      Object.defineProperty(parent, pick(NAMES.slice(0, 5), random), {
        value,
        enumerable: true,
        configurable: true,
      });
      return;
    default:
      parent[key] = pick(VALUES, random);
  }
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.below(items.length)];
}
