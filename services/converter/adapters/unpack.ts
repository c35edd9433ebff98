import { spawn } from 'node:child_process';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { bounded } from './run.ts';

const unpackMs = 120_000;
const maxModule = 16 * 1024 ** 2;
/** Each step of theirs is a call of its own: in steps of 16 KiB, as they are else, it takes half as long again. */
const wide = { chunkSize: 1 << 18 };
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

/** Opens a stream and unpacks it, by its first bytes. Throws when they are of no known compression; nothing is opened then. */
export function unpacked(head: Buffer, open: () => Readable, signal: AbortSignal): Readable {
  const magic = head.toString('hex');
  const own = magic.startsWith('1f8b')
    ? createGunzip(wide)
    : magic === '28b52ffd'
      ? createZstdDecompress(wide)
      : undefined;
  // What goes wrong with the input is told by the output.
  if (own) return pipeline(open(), own, () => {});
  const program = programs.find(([start]) => magic.startsWith(start))?.[1];
  if (!program) throw new Error(`unknown compression ${magic}`);
  const [started, args] = bounded(program, ['-dc'], { memory });
  const child = spawn(started, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
    timeout: unpackMs,
    killSignal: 'SIGKILL',
  });
  const out = child.stdout.pipe(new PassThrough(), { end: false });
  child.once('error', (error) => out.destroy(error));
  // All that it said has been read by now.
  child.once('close', (code) => (code === 0 ? out.end() : out.destroy(new Error(`${program} ends with ${code}`))));
  out.once('close', () => child.kill('SIGKILL'));
  pipeline(open(), child.stdin, () => {});
  return out;
}

/** A kernel module as it is loaded; undefined when it cannot be unpacked, or to more than any module. */
export async function unpackModule(packed: Buffer, signal: AbortSignal): Promise<Buffer | undefined> {
  if (packed.toString('hex', 0, 4) === '7f454c46') return packed;
  const parts: Buffer[] = [];
  let size = 0;
  try {
    const source = () => Readable.from([packed], { objectMode: false });
    for await (const part of unpacked(packed.subarray(0, 4), source, signal) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > maxModule) return undefined;
      parts.push(part);
    }
    return Buffer.concat(parts);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
