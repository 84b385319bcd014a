const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** More digits than this are no layer, token or expert. */
const MAX_DIGITS = 9;

/** The names under which a format writes the layer, the token's index (where it does) and the chosen experts. */
export interface RowKeys {
  readonly layer: string;
  readonly token: string;
  readonly experts: string;
}

/**
 * Reads the three members that matter from JSON objects of one line, straight from the bytes.
 *
 * Several times faster than `JSON.parse`, because it builds no strings and no objects. It understands flat objects
 * with plain values and arrays of numbers; whatever else it meets it leaves to `JSON.parse`.
 */
export class RowScanner {
  layer = -1;
  /** -1 where the line does not tell. */
  token = -1;
  /** Number of ids at the beginning of `experts`. */
  width = 0;
  readonly experts = new Int32Array(4096);

  readonly #layerKey: Uint8Array;
  readonly #tokenKey: Uint8Array;
  readonly #expertsKey: Uint8Array;
  #number = 0;

  constructor(keys: RowKeys) {
    this.#layerKey = Buffer.from(keys.layer);
    this.#tokenKey = Buffer.from(keys.token);
    this.#expertsKey = Buffer.from(keys.experts);
  }

  /**
   * Reads the line that begins at `at`.
   *
   * @returns Where the next line begins, or -1 where the line needs `JSON.parse`.
   */
  scan(bytes: Uint8Array, at: number): number {
    this.layer = this.token = -1;
    this.width = 0;
    at = skipSpace(bytes, at);
    if (bytes[at++] !== OPEN_BRACE) return -1;
    for (;;) {
      at = skipSpace(bytes, at);
      if (bytes[at++] !== QUOTE) return -1;
      const keyStart = at;
      while (bytes[at] !== QUOTE) {
        if (at >= bytes.length || bytes[at] === BACKSLASH || bytes[at] === NEWLINE) return -1;
        at++;
      }
      const keyEnd = at;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== COLON) return -1;
      at = skipSpace(bytes, at + 1);
      if (equals(bytes, keyStart, keyEnd, this.#expertsKey)) {
        at = this.#scanIds(bytes, at);
      } else if (equals(bytes, keyStart, keyEnd, this.#layerKey)) {
        at = this.#scanNumber(bytes, at);
        this.layer = this.#number;
      } else if (equals(bytes, keyStart, keyEnd, this.#tokenKey)) {
        at = this.#scanNumber(bytes, at);
        this.token = this.#number;
      } else {
        at = skipValue(bytes, at);
      }
      if (at < 0) return -1;
      at = skipSpace(bytes, at);
      if (bytes[at] === CLOSE_BRACE) break;
      if (bytes[at++] !== COMMA) return -1;
    }
    at = skipSpace(bytes, at + 1);
    if (at < bytes.length && bytes[at] !== NEWLINE) return -1;
    return this.layer >= 0 && this.width > 0 ? at + 1 : -1;
  }

  #scanIds(bytes: Uint8Array, at: number): number {
    this.width = 0;
    if (bytes[at++] !== OPEN_BRACKET) return -1;
    for (;;) {
      at = this.#scanNumber(bytes, skipSpace(bytes, at));
      if (at < 0 || this.width === this.experts.length) return -1;
      this.experts[this.width++] = this.#number;
      at = skipSpace(bytes, at);
      if (bytes[at] === CLOSE_BRACKET) return at + 1;
      if (bytes[at++] !== COMMA) return -1;
    }
  }

  /** Reads digits only; a sign, a fraction or an exponent ends them and is then unexpected. */
  #scanNumber(bytes: Uint8Array, at: number): number {
    const start = at;
    let value = 0;
    for (let digit = bytes[at] - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at] - ZERO) {
      value = value * 10 + digit;
    }
    this.#number = value;
    return at === start || at - start > MAX_DIGITS ? -1 : at;
  }
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === SPACE || bytes[at] === TAB || bytes[at] === CARRIAGE_RETURN) at++;
  return at;
}

/** Skips a number, a word, a string without escapes or an array of numbers; -1 where there is something else. */
function skipValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === OPEN_BRACE) return -1;
  if (first === QUOTE) {
    do at++;
    while (at < bytes.length && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH && bytes[at] !== NEWLINE);
    return bytes[at] === QUOTE ? at + 1 : -1;
  }
  const isArray = first === OPEN_BRACKET;
  for (at += isArray ? 1 : 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === CLOSE_BRACKET) return isArray ? at + 1 : -1;
    if (!isArray && (byte === COMMA || byte === CLOSE_BRACE)) return at;
    if (byte === QUOTE || byte === OPEN_BRACKET || byte === OPEN_BRACE || byte === NEWLINE) return -1;
  }
  return -1;
}

function equals(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let at = 0; at < key.length; at++) {
    if (bytes[start + at] !== key[at]) return false;
  }
  return true;
}
