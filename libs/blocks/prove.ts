import { TranshipError } from '@tranship/contracts';
import { leafBytes, leafCount, Root, sumBytes, sumLeaves } from './leaves.ts';
import type { Ledger } from './ledger.ts';
import { type Disk, dropCache } from './sink.ts';

const requestBytes = 4 * 1024 * 1024;

export interface ProveOptions {
  readonly disk: Disk;
  readonly ledger: Ledger;
  readonly sizeBytes: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number) => void;
}

/**
 * Reads the target from its disk again and compares each leaf with what was read from the source.
 * @throws TranshipError `transfer.proof` at the first leaf that differs, `transfer.ledger` where the pass is not finished
 */
export async function prove({ disk, ledger, sizeBytes, signal, onProgress }: ProveOptions) {
  const { root: expected } = ledger.head;
  if (expected === undefined) throw new TranshipError('transfer.ledger', `the pass of ${disk.path} is not finished`);
  await disk.flush();
  await dropCache(disk.path);
  const root = new Root(sizeBytes);
  const load = (offset: number) => disk.read(offset, Math.min(requestBytes, sizeBytes - offset));
  let ahead: Promise<Buffer> | undefined = load(0);
  for (let offset = 0; offset < sizeBytes; offset += requestBytes) {
    signal?.throwIfAborted();
    const data: Buffer = await ahead!;
    const next = offset + requestBytes;
    ahead = next < sizeBytes ? load(next) : undefined;
    ahead?.catch(() => {});
    const [is, should] = [sumLeaves(data), await ledger.getLeaves(offset, leafCount(data.length))];
    if (!is.equals(should)) throw differs(disk.path, offset, is, should);
    root.add(is);
    onProgress?.(Math.min(next, sizeBytes));
  }
  const found = root.hex();
  if (found !== expected) throw new TranshipError('transfer.ledger', `the leaves of ${disk.path} are not its root’s`);
  return { root: found, leaves: leafCount(sizeBytes) };
}

function differs(path: string, offset: number, is: Buffer, should: Buffer): TranshipError {
  for (let i = 0; i < is.length; i += sumBytes)
    if (is.readUInt32LE(i) !== should.readUInt32LE(i))
      return new TranshipError('transfer.proof', `${path} differs at ${offset + (i / sumBytes) * leafBytes}`);
  return new TranshipError('transfer.ledger', `${path}: leaves are missing from ${offset}`);
}
