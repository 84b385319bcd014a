import { unzipSync } from "fflate";
import { InputError } from "../errors.js";
import { checkUnpacked, type UnpackedUse } from "../plausible-size.js";

/** Bytes of a member in the directory at the end of a zip file, at least. Source: APPNOTE.TXT, 4.3.12. */
const MEMBER_BYTES = 46;

/** Whether bytes begin like a zip file, which .npz and .pt files are. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;
}

/** Name of the first member of a zip file, which tells what kind of file it is. */
export function firstMember(bytes: Buffer): string {
  return isZip(bytes) && bytes.length > 30 ? bytes.toString("utf8", 30, 30 + bytes.readUInt16LE(26)) : "";
}

/**
 * Unpacks the members of a zip file whose names are wanted. Archives within archives are left packed.
 *
 * @throws InputError if it is damaged, or its members are together larger than what was packed can hold.
 */
export function unzip(
  bytes: Uint8Array,
  where: string,
  wants: (name: string) => boolean,
  use: UnpackedUse = "array",
): Map<string, Buffer> {
  let unpacked = 0;
  let numMembers = 0;
  try {
    const members = unzipSync(bytes, {
      // Sizes are declared, and rooms made of that size: members that overlap count as often as they are listed.
      filter({ name, originalSize }) {
        // How many there are is declared, too, and a damaged file declares billions.
        if (++numMembers > bytes.length / MEMBER_BYTES)
          throw new Error("more members than there is room for");
        if (!wants(name)) return false;
        unpacked += originalSize;
        checkUnpacked(where, { packed: bytes.length, unpacked }, use);
        return true;
      },
    });
    return new Map(Object.entries(members).map(([name, member]) => [name, toBuffer(member)]));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${where}: found ${(error as Error).message}, expected a whole zip file`,
      "Maybe the file was cut off.",
    );
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
