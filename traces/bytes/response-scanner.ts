import { readBlocks, type OnBytes } from "./file-bytes.js";

/** The experts of a response as they stand in its JSON, and what is known of the request. */
export interface RoutedPart {
  /** A value of JSON: base64 in quotes, an object or nested lists. */
  readonly json: string;
  /** The request and the choice, where they are told; parts of the same come in order. */
  readonly request: string | undefined;
  /** Tokens of the request that come before, where a member beside it tells. */
  readonly start: number | undefined;
}

const KEY = Buffer.from('routed_experts"');
/** Experts of one request: 128 thousand tokens of 61 layers and 8 experts, 4 bytes each, in base64. */
const MOST_PART_BYTES = 2 ** 29;
/** Names may be cut in two where less of what was read is kept. */
const KEPT_BYTES = 512;
/** Bytes behind a part among which members that tell of it are sought. */
const BEHIND_BYTES = 2 ** 16;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const COLON = 0x3a;
const COMMA = 0x2c;
const NEWLINE = 0x0a;

/** What was told of the request that is being read. */
interface Told {
  id?: string;
  index?: string;
  start?: number;
}

/** Members of a response that tell the request, the choice, and where its part begins. */
const MEMBER =
  /"(?:(?:id|rid|request_id)"\s*:\s*"(?<id>[^"\\]{1,200})|index"\s*:\s*(?<index>\d{1,6})|routed_experts_(?:prompt_)?start(?:_len)?"\s*:\s*(?<start>\d{1,9}))/g;

/**
 * Finds the routed experts in HTTP responses: a JSON document, one a line, or a stream of server-sent events; wherever
 * they stand, whatever is around them, in memory for one of them.
 */
export async function* scanResponses(
  path: string,
  { onBytes, onCut }: { onBytes: OnBytes; onCut: () => void },
): AsyncGenerator<RoutedPart> {
  const request: Told = {};
  const cut = (bytes: Buffer) => {
    let end = 0;
    for (let part = nextPart(bytes, 0); part; part = nextPart(bytes, part.to)) {
      // What tells where it begins may stand right behind it.
      if (part.to < 0 || part.to + BEHIND_BYTES > bytes.length) return end > 0 ? end : part.key;
      end = membersBehind(bytes, part.to).to;
    }
    return Math.max(end, lastMember(bytes, bytes.length - KEPT_BYTES));
  };
  for await (const bytes of readBlocks(path, cut, { onBytes, mostBytes: MOST_PART_BYTES })) {
    let at = 0;
    for (let part = nextPart(bytes, 0); part; part = nextPart(bytes, part.to)) {
      if (part.to < 0) {
        onCut();
        return;
      }
      note(request, bytes.toString("latin1", at, part.key));
      const behind = membersBehind(bytes, part.to);
      note(request, behind.text);
      yield {
        json: bytes.toString("latin1", part.from, part.to),
        request: request.id === undefined ? undefined : `${request.id} ${request.index ?? ""}`,
        start: request.start,
      };
      delete request.start;
      at = behind.to;
    }
    note(request, bytes.toString("latin1", at));
  }
}

/** Whether a text holds routed experts somewhere, for files that do not begin with them. */
export async function hasRoutedExperts(path: string): Promise<boolean> {
  const cut = (bytes: Buffer) => bytes.length - Math.min(bytes.length - 1, KEY.length);
  for await (const bytes of readBlocks(path, cut)) {
    if (bytes.includes(KEY)) return true;
  }
  return false;
}

function note(request: Told, text: string): void {
  for (const found of text.matchAll(MEMBER)) {
    const { id, index, start } = found.groups ?? {};
    if (id && id !== request.id) {
      request.id = id;
      delete request.index;
    }
    if (index) request.index = index;
    if (start) request.start = Number(start);
  }
}

/**
 * The next member with routed experts.
 *
 * @returns Where its name, its value and what follows begin; `to` is -1 where the value goes on beyond the bytes.
 */
function nextPart(bytes: Buffer, after: number): { key: number; from: number; to: number } | undefined {
  for (let at = bytes.indexOf(KEY, after); at >= 0; at = bytes.indexOf(KEY, at + 1)) {
    const name = /(?:^|[^\\])("(?:prompt_)?)$/.exec(bytes.toString("latin1", Math.max(0, at - 9), at))?.[1];
    if (name === undefined) continue;
    const key = at - name.length;
    const colon = skipSpace(bytes, at + KEY.length);
    if (colon < bytes.length && bytes[colon] !== COLON) continue;
    const from = skipSpace(bytes, colon + 1);
    if (from >= bytes.length) return { key, from, to: -1 };
    const to = endOfValue(bytes, from);
    if (to !== from) return { key, from, to };
  }
  return undefined;
}

/**
 * What stands behind a part in its object and in those around it, but in no other response: whole members, without the values
 * of those that are objects and lists.
 */
function membersBehind(bytes: Buffer, from: number): { text: string; to: number } {
  const end = Math.min(bytes.length, from + BEHIND_BYTES);
  let [text, begin, depth, at] = ["", from, 0, from];
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const close = endOfText(bytes, at);
      if (close < 0 || close > end || isPartName(bytes, close)) break;
      at = close - 1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      // Without a name it is the next response, or the next choice of this one.
      if (depth === 0 && !/"\s*:\s*$/.test(bytes.toString("latin1", Math.max(begin, at - 64), at))) break;
      if (depth++ === 0) {
        text += bytes.toString("latin1", begin, at);
        begin = at;
      }
    } else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && depth > 0 && --depth === 0) {
      begin = at + 1;
    }
  }
  if (depth > 0) return { text, to: begin };
  const rest = bytes.toString("latin1", begin, at);
  // A number may go on behind what was looked at.
  const whole = at < from + BEHIND_BYTES ? rest : rest.slice(0, Math.max(0, rest.lastIndexOf(",")));
  return { text: text + whole, to: begin + whole.length };
}

function isPartName(bytes: Buffer, end: number): boolean {
  return bytes.subarray(Math.max(0, end - KEY.length), end).equals(KEY);
}

/** The end of text in quotes, -1 where it goes on. */
function endOfText(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let first = at;
    while (bytes[first - 1] === BACKSLASH) first--;
    if ((at - first) % 2 === 0) return at + 1;
  }
  return -1;
}

function skipSpace(bytes: Buffer, at: number): number {
  while (at < bytes.length && bytes[at] <= 0x20) at++;
  return at;
}

/** Where the last member before a place ends, or the place itself; 0 where there is none. */
function lastMember(bytes: Buffer, place: number): number {
  if (place <= 0) return 0;
  const end = Math.max(bytes.lastIndexOf(COMMA, place), bytes.lastIndexOf(NEWLINE, place));
  return end < 0 ? place : end + 1;
}

/** The end of base64 in quotes, or of lists and objects; the beginning where it is nothing of the kind, -1 where it goes on. */
function endOfValue(bytes: Buffer, from: number): number {
  if (bytes[from] === QUOTE) return bytes.indexOf(QUOTE, from + 1) + 1 || -1;
  const [open, close] = bytes[from] === OPEN_LIST ? [OPEN_LIST, CLOSE_LIST] : [OPEN_OBJECT, CLOSE_OBJECT];
  if (bytes[from] !== open) return from;
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === open) depth++;
    else if (bytes[at] === close && --depth === 0) return at + 1;
  }
  return -1;
}
