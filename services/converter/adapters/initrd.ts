import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CpioIndex } from '../domain/cpio.ts';
import { type Behind, textsInside } from '../domain/initramfs.ts';
import { isLz4ToItsEnd } from '../domain/lz4.ts';
import type { Read } from '../domain/read.ts';
import { reader } from './undo.ts';
import { unpacked } from './unpack.ts';

export interface Initrd {
  readonly names: readonly string[];
  /** Small files of it that count, by their paths. */
  readonly texts: ReadonlyMap<string, string>;
  readonly behind?: Behind;
}

const chunk = 1 << 18;
const maxArchives = 8;
/** As the kernel knows it. */
const lz4 = '02214c18';
/** No initramfs is larger: what unpacks to more is a bomb. */
const maxUnpacked = 1024 ** 3;

/** What an initramfs holds; undefined when it cannot be unpacked here. */
export async function readInitrd(file: string, signal: AbortSignal, max = maxUnpacked): Promise<Initrd | undefined> {
  const handle = openSync(file, 'r');
  try {
    return await readArchives(file, reader(handle), fstatSync(handle).size, signal, max);
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    closeSync(handle);
  }
}

/**
 * Microcode comes first, in plain archives with zeros behind them; then the compressed main archive. What stands behind
 * that one is not looked at: where it ends, only its unpacker knows.
 */
async function readArchives(
  file: string,
  read: Read,
  size: number,
  signal: AbortSignal,
  max: number,
): Promise<Initrd | undefined> {
  const names: string[] = [];
  const texts = new Map<string, string>();
  let behind: { behind?: Behind } = {};
  let at = 0;
  for (let archives = 0; archives < maxArchives && at < size; archives++) {
    const index = new CpioIndex((name) => textsInside.includes(name));
    const plain = read(at, 5).toString('latin1') === '07070';
    if (plain) for (let from = at; !index.ended && from < size; from += chunk) index.push(read(from, chunk));
    else await unpack(file, at, read(at, 4), index, signal, max);
    if (!index.ended) return undefined;
    for (const name of index.names) names.push(name);
    for (const [name, content] of index.kept) texts.set(name, content.toString('utf8'));
    if (read(at, 4).toString('hex') === lz4) behind = { behind: isLz4ToItsEnd(read, at, size) ? 'lz4' : 'nothing' };
    if (!plain) break;
    at = skipZeros(read, at + index.size, size);
  }
  return { names, texts, ...behind };
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
  head: Buffer,
  index: CpioIndex,
  signal: AbortSignal,
  max: number,
): Promise<void> {
  let size = 0;
  const sink = new Writable({
    write(bytes: Buffer, _encoding, next) {
      size += bytes.length;
      try {
        if (size > max) throw new Error('it unpacks to more than any initramfs');
        index.push(bytes);
        next();
      } catch (error) {
        next(error as Error);
      }
    },
  });
  try {
    const open = () => createReadStream(file, { start, highWaterMark: chunk });
    await pipeline(unpacked(head, open, signal), sink, { signal });
  } catch (error) {
    // What follows the main archive is not ours to judge.
    if (!index.ended) throw error;
  }
}
