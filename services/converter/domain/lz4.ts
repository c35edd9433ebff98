import type { Read } from './read.ts';

/** Of the old format of LZ4, the only one that Linux unpacks at its start: chunks, each with its packed length, and no end but that of the file. */
const magic = 0x184c2102;
const chunkBytes = 8 * 1024 ** 2;
/** No chunk is longer than what does not become shorter. */
const maxPacked = chunkBytes + Math.floor(chunkBytes / 255) + 16;
/** An initramfs has some hundred. */
const maxChunks = 4096;

const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** Content as LZ4 that was not made shorter: each chunk one run of literals. */
export function asLz4(content: Buffer): Buffer {
  const parts: Buffer[] = [word(magic)];
  for (let at = 0; at < content.length; at += chunkBytes) {
    const literals = content.subarray(at, at + chunkBytes);
    const head = headOf(literals.length);
    parts.push(word(head.length + literals.length), head, literals);
  }
  return Buffer.concat(parts);
}

/** How many literals follow: four bits, and then bytes as long as they are full. */
function headOf(count: number): Buffer {
  if (count < 15) return Buffer.from([count << 4]);
  const rest = count - 15;
  return Buffer.concat([Buffer.from([0xf0]), Buffer.alloc(Math.floor(rest / 255), 255), Buffer.from([rest % 255])]);
}

/** Whether the LZ4 that begins at `start` goes on, archive behind archive, to the very end of the file. */
export function isLz4ToItsEnd(read: Read, start: number, end: number): boolean {
  let at = start;
  for (let chunks = 0; chunks < maxChunks && at < end; chunks++) {
    const head = read(at, 4);
    if (head.length < 4) return false;
    const length = head.readUInt32LE();
    if (length === 0 || (length > maxPacked && length !== magic)) return false;
    at += length === magic ? 4 : 4 + length;
  }
  return at === end;
}
