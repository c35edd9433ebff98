import { spawn } from 'node:child_process';
import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs';
import { Duplex, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { CpioIndex } from '../domain/cpio.ts';
import type { Read } from '../domain/read.ts';
import { reader } from './undo.ts';

export interface Initrd {
  readonly names: readonly string[];
  /** Its `conf/modules`. */
  readonly forced: string | undefined;
}

const forced = 'conf/modules';
const chunk = 1 << 18;
const maxArchives = 8;
const unpackMs = 120_000;

/** What an initramfs holds; undefined when it cannot be unpacked here. */
export async function readInitrd(file: string, signal: AbortSignal): Promise<Initrd | undefined> {
  const handle = openSync(file, 'r');
  try {
    return await readArchives(file, reader(handle), fstatSync(handle).size, signal);
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    closeSync(handle);
  }
}

/** Microcode comes first, in plain archives with zeros behind them; then the compressed main archive. */
async function readArchives(file: string, read: Read, size: number, signal: AbortSignal): Promise<Initrd | undefined> {
  const names: string[] = [];
  let kept: Buffer | undefined;
  let at = 0;
  for (let archives = 0; archives < maxArchives && at < size; archives++) {
    const index = new CpioIndex((name) => name === forced);
    const plain = read(at, 5).toString('latin1') === '07070';
    if (plain) for (let from = at; !index.ended && from < size; from += chunk) index.push(read(from, chunk));
    else await unpack(file, at, unpacker(read(at, 4), signal), index, signal);
    if (!index.ended) return undefined;
    names.push(...index.names);
    kept = index.kept.get(forced) ?? kept;
    if (!plain) break;
    at = skipZeros(read, at + index.size, size);
  }
  return { names, forced: kept?.toString('utf8') };
}

function skipZeros(read: Read, from: number, size: number): number {
  for (let at = from; at < size; at += 4096) {
    const found = read(at, 4096).findIndex((byte) => byte !== 0);
    if (found >= 0) return at + found;
  }
  return size;
}

async function unpack(
  file: string,
  start: number,
  unpacker: Duplex,
  index: CpioIndex,
  signal: AbortSignal,
): Promise<void> {
  const sink = new Writable({
    write(bytes: Buffer, _encoding, next) {
      try {
        index.push(bytes);
        next();
      } catch (error) {
        next(error as Error);
      }
    },
  });
  try {
    await pipeline(createReadStream(file, { start, highWaterMark: chunk }), unpacker, sink, { signal });
  } catch (error) {
    // What follows the main archive is not ours to judge.
    if (!index.ended) throw error;
  }
}

/** Programs for the compressions that Node does not know. */
const programs: readonly [string, string][] = [
  ['fd377a58', 'xz'],
  ['02214c18', 'lz4'],
  ['04224d18', 'lz4'],
  ['425a68', 'bzip2'],
  ['5d0000', 'xz'],
];

function unpacker(head: Buffer, signal: AbortSignal): Duplex {
  const magic = head.toString('hex');
  if (magic.startsWith('1f8b')) return createGunzip();
  if (magic === '28b52ffd') return createZstdDecompress();
  const program = programs.find(([start]) => magic.startsWith(start))?.[1];
  if (!program) throw new Error(`unknown compression ${magic}`);
  const child = spawn(program, ['-dc'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
    timeout: unpackMs,
    killSignal: 'SIGKILL',
  });
  const both = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.once('error', (error) => both.destroy(error));
  return both;
}
