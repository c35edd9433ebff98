import { crc32 } from '@node-rs/crc32';
import type { LedgerFile } from './files.ts';
import { leafBytes } from './leaves.ts';

/** Sums of neighbouring leaves, from `offset` on. */
export interface Sums {
  readonly offset: number;
  readonly sums: Buffer;
}

export type Entry = { readonly json: unknown; readonly end: number } | (Sums & { readonly end: number });

const headBytes = 8;
const maxBody = 64 * 1024 * 1024;
const readAhead = 256 * 1024;

/** A record: the length of its body, crc32 of the body, the body. */
function record(body: Buffer): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32LE(body.length, 0);
  head.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([head, body]);
}

export const jsonRecord = (value: unknown): Buffer => record(Buffer.from(JSON.stringify(value)));

export function sumsRecord({ offset, sums }: Sums): Buffer {
  const head = Buffer.alloc(8, 'L');
  head.writeUIntLE(offset / leafBytes, 2, 6);
  return record(Buffer.concat([head, sums]));
}

/** The records of a log in order, up to its end or to the first that is torn. */
export async function* entries(file: LedgerFile): AsyncGenerator<Entry> {
  let chunk: Buffer = Buffer.alloc(0);
  let start = 0; // of the chunk, in the file
  const need = async (at: number, length: number): Promise<Buffer | undefined> => {
    if (at + length > start + chunk.length) {
      const bytes = Buffer.allocUnsafe(Math.max(length, readAhead));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, at);
      [chunk, start] = [bytes.subarray(0, bytesRead), at];
    }
    return at + length <= start + chunk.length ? chunk.subarray(at - start, at - start + length) : undefined;
  };
  for (let at = 0; ; ) {
    const head = await need(at, headBytes);
    const length = head?.readUInt32LE(0) ?? 0;
    if (!head || length === 0 || length > maxBody) return;
    const sum = head.readUInt32LE(4);
    const body = await need(at + headBytes, length);
    if (!body || crc32(body) !== sum) return;
    at += headBytes + length;
    if (body[0] === 0x4c) yield { offset: body.readUIntLE(2, 6) * leafBytes, sums: body.subarray(8), end: at };
    else yield { json: JSON.parse(body.toString()), end: at };
  }
}

/** Joins sums, of so many bytes a leaf, that follow each other. */
export function join(parts: readonly Sums[], sumBytes: number): Sums[] {
  const found: { offset: number; end: number; sums: Buffer[] }[] = [];
  for (const { offset, sums } of parts) {
    const last = found.at(-1);
    if (last?.end === offset) last.sums.push(sums);
    else found.push({ offset, end: offset, sums: [sums] });
    found.at(-1)!.end = offset + (sums.length / sumBytes) * leafBytes;
  }
  return found.map(({ offset, sums }) => ({ offset, sums: sums.length === 1 ? sums[0]! : Buffer.concat(sums) }));
}
