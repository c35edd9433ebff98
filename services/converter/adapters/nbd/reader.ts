import { Worker } from 'node:worker_threads';
import { TranshipError } from '@tranship/contracts';
import type { Read } from '../../domain/read.ts';
import { type Address, addressOf } from './uri.ts';

export interface Remote {
  readonly size: number;
  readonly read: Read;
}

/** What is passed between the reader and its thread: a word that wakes, the answer's length (or -1 and an error's text), its bytes. */
export interface Shared {
  readonly address: Address;
  readonly words: SharedArrayBuffer;
  readonly bytes: SharedArrayBuffer;
}

const [blockBytes, maxBlocks] = [64 * 1024, 512];
/** Longer than the client waits for an answer, so that it is the one to say why. */
const deadlineMs = 150_000;

interface Connected extends Remote {
  readonly worker: Worker;
}
const opened = new Map<string, Connected>();

/** Opens an export once, until {@link endNbd}: what is read of it is kept, within 32 MiB. Blocks while it reads. @throws TranshipError `guest.image` */
export function openNbd(uri: string): Remote {
  const known = opened.get(uri) ?? connect(uri);
  opened.set(uri, known);
  return known;
}

/** Ends all connections, so that no server waits for them. */
export async function endNbd(): Promise<void> {
  const all = [...opened.values()];
  opened.clear();
  await Promise.all(all.map(({ worker }) => worker.terminate()));
}

function connect(uri: string): Connected {
  const shared: Shared = {
    address: addressOf(uri),
    words: new SharedArrayBuffer(8),
    bytes: new SharedArrayBuffer(blockBytes),
  };
  const words = new Int32Array(shared.words);
  const bytes = Buffer.from(shared.bytes);
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: shared });
  worker.unref();
  const answer = (): Buffer => {
    const woken = Atomics.wait(words, 0, 0, deadlineMs) !== 'timed-out';
    const length = Atomics.load(words, 1);
    Atomics.store(words, 0, 0);
    if (woken && length >= 0) return Buffer.from(bytes.subarray(0, length));
    const why = woken ? bytes.toString('utf8').replace(/\0.*$/s, '') : `no answer within ${deadlineMs / 1000} s`;
    throw new TranshipError('guest.image', `${uri} cannot be read: ${why}`);
  };
  const size = Number(answer().readBigUInt64LE(0));
  const ask = (offset: number): Buffer => {
    worker.postMessage([offset, Math.min(blockBytes, size - offset)]);
    return answer();
  };
  return { size, read: kept(ask, size), worker };
}

/** Whole blocks, the newest of them kept. */
function kept(ask: (offset: number) => Buffer, size: number): Read {
  const blocks = new Map<number, Buffer>();
  const block = (index: number): Buffer => {
    const found = blocks.get(index) ?? ask(index * blockBytes);
    blocks.delete(index);
    blocks.set(index, found);
    const [oldest] = blocks.keys();
    if (blocks.size > maxBlocks) blocks.delete(oldest!);
    return found;
  };
  return (offset, length) => {
    if (!Number.isSafeInteger(offset + length) || offset < 0 || length <= 0 || offset >= size) return Buffer.alloc(0);
    const end = Math.min(size, offset + length);
    const bytes = Buffer.alloc(end - offset);
    for (let at = offset; at < end; ) {
      const start = Math.floor(at / blockBytes) * blockBytes;
      at += block(start / blockBytes).copy(bytes, at - offset, at - start);
    }
    return bytes;
  };
}
