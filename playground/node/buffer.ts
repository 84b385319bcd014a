/** As much of Node's Buffer as the readers of traces use, on bytes of the browser. */
export class PageBuffer extends Uint8Array {
  static alloc(length: number, fill?: string): PageBuffer {
    return fill === undefined ? new PageBuffer(length) : new PageBuffer(length).fill(fill.charCodeAt(0));
  }

  static allocUnsafe(length: number): PageBuffer {
    return new PageBuffer(length);
  }

  static allocUnsafeSlow(length: number): PageBuffer {
    return new PageBuffer(length);
  }

  // As Node has it, and as Uint8Array.from has it besides.
  static override from(source: unknown, second?: unknown, length?: number): PageBuffer {
    if (typeof source === "string") return ofText(source, second as string | undefined);
    if (source instanceof ArrayBuffer)
      return new PageBuffer(source, (second as number | undefined) ?? 0, length);
    return copied(Uint8Array.from(source as ArrayLike<number>));
  }

  static concat(parts: readonly Uint8Array[]): PageBuffer {
    const whole = new PageBuffer(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  static compare(a: Uint8Array, b: Uint8Array): number {
    for (let at = 0; at < Math.min(a.length, b.length); at++)
      if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
    return Math.sign(a.length - b.length);
  }

  static byteLength(text: string): number {
    return new TextEncoder().encode(text).length;
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof PageBuffer;
  }

  equals(other: Uint8Array): boolean {
    return PageBuffer.compare(this, other) === 0;
  }

  copy(into: Uint8Array, at = 0, from = 0, to = this.length): number {
    const part = this.subarray(from, Math.min(to, from + into.length - at));
    into.set(part, at);
    return part.length;
  }

  override toString(encoding = "utf8", from = 0, to = this.length): string {
    const bytes = this.subarray(from, to);
    if (encoding === "utf8" || encoding === "utf-8")
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    if (encoding === "hex") return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const text = charactersOf(bytes, encoding === "ascii" ? 127 : 255);
    return encoding === "base64" ? btoa(text) : text;
  }

  latin1Slice(from?: number, to?: number): string {
    return this.toString("latin1", from, to);
  }

  utf8Slice(from?: number, to?: number): string {
    return this.toString("utf8", from, to);
  }

  override indexOf(wanted: number | string | Uint8Array, from = 0): number {
    if (typeof wanted === "number") return super.indexOf(wanted, from);
    const bytes = typeof wanted === "string" ? ofText(wanted) : wanted;
    if (bytes.length === 0) return from;
    for (let at = super.indexOf(bytes[0], from); at !== -1; at = super.indexOf(bytes[0], at + 1)) {
      if (this.holds(bytes, at)) return at;
    }
    return -1;
  }

  override lastIndexOf(wanted: number | string | Uint8Array, from = this.length - 1): number {
    if (typeof wanted === "number") return super.lastIndexOf(wanted, from);
    const bytes = typeof wanted === "string" ? ofText(wanted) : wanted;
    let at = Math.min(from, this.length - bytes.length);
    while (at >= 0 && !this.holds(bytes, at)) at--;
    return at;
  }

  override includes(wanted: number | string | Uint8Array, from = 0): boolean {
    return this.indexOf(wanted, from) !== -1;
  }

  readUInt8(at = 0): number {
    return this.view().getUint8(at);
  }

  readUInt16LE(at = 0): number {
    return this.view().getUint16(at, true);
  }

  readUInt16BE(at = 0): number {
    return this.view().getUint16(at);
  }

  readUInt32LE(at = 0): number {
    return this.view().getUint32(at, true);
  }

  readInt32LE(at = 0): number {
    return this.view().getInt32(at, true);
  }

  readBigUInt64LE(at = 0): bigint {
    return this.view().getBigUint64(at, true);
  }

  readUIntLE(at: number, length: number): number {
    return this.subarray(at, at + length).reduceRight((sum, byte) => 256 * sum + byte, 0);
  }

  writeUInt32LE(value: number, at = 0): number {
    this.view().setUint32(at, value, true);
    return at + 4;
  }

  writeUInt16LE(value: number, at = 0): number {
    this.view().setUint16(at, value, true);
    return at + 2;
  }

  private holds(bytes: Uint8Array, at: number): boolean {
    for (let index = 0; index < bytes.length; index++) if (this[at + index] !== bytes[index]) return false;
    return true;
  }

  private view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength);
  }
}

function ofText(text: string, encoding = "utf8"): PageBuffer {
  if (encoding === "utf8" || encoding === "utf-8") return copied(new TextEncoder().encode(text));
  if (encoding === "hex")
    return copied(Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16)));
  const characters = encoding === "base64" ? atob(text.replace(/[^\w+/]/g, "")) : text;
  return copied(Uint8Array.from(characters, (character) => character.charCodeAt(0)));
}

function copied(bytes: Uint8Array): PageBuffer {
  const copy = new PageBuffer(bytes.length);
  copy.set(bytes);
  return copy;
}

/** A character a byte; in pieces, because a call takes only so many arguments. */
function charactersOf(bytes: Uint8Array, mask: number): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode.apply(
      null,
      Array.from(bytes.subarray(at, at + 8192), (byte) => byte & mask),
    );
  }
  return text;
}
