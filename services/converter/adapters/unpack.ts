import { spawn } from 'node:child_process';
import { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { bounded } from './run.ts';

const unpackMs = 120_000;
const maxModule = 16 * 1024 ** 2;
/** A header may ask for gigabytes of dictionary; what Linux itself unpacks at its start needs some MiB. */
const memory = 128 * 1024 ** 2;

/** Programs for the compressions that Node does not know. */
const programs: readonly [string, string][] = [
  ['fd377a58', 'xz'],
  ['02214c18', 'lz4'],
  ['04224d18', 'lz4'],
  ['425a68', 'bzip2'],
  ['5d0000', 'xz'],
];

/** Unpacks a stream by its first bytes. Throws when they are of no known compression. */
export function unpacker(head: Buffer, signal: AbortSignal): Duplex {
  const magic = head.toString('hex');
  if (magic.startsWith('1f8b')) return createGunzip();
  if (magic === '28b52ffd') return createZstdDecompress();
  const program = programs.find(([start]) => magic.startsWith(start))?.[1];
  if (!program) throw new Error(`unknown compression ${magic}`);
  const [started, args] = bounded(program, ['-dc'], { memory });
  const child = spawn(started, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
    timeout: unpackMs,
    killSignal: 'SIGKILL',
  });
  const both = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.once('error', (error) => both.destroy(error));
  // All that it said has been read by now; one that ended early leaves what writes to it waiting.
  child.once('close', (code) => {
    if (code !== 0) both.destroy(new Error(`${program} ends with ${code}`));
  });
  return both;
}

/** A kernel module as it is loaded; undefined when it cannot be unpacked, or to more than any module. */
export async function unpackModule(packed: Buffer, signal: AbortSignal): Promise<Buffer | undefined> {
  if (packed.toString('hex', 0, 4) === '7f454c46') return packed;
  const parts: Buffer[] = [];
  let size = 0;
  try {
    const source = Readable.from([packed], { objectMode: false });
    await pipeline(source, unpacker(packed.subarray(0, 4), signal), async (unpacked: AsyncIterable<Buffer>) => {
      for await (const part of unpacked) {
        size += part.length;
        if (size > maxModule) throw new Error('more than any module');
        parts.push(part);
      }
    });
    return Buffer.concat(parts);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
