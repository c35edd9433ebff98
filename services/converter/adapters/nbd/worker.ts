import { parentPort, workerData } from 'node:worker_threads';
import { NbdClient } from '@tranship/nbd';
import type { Shared } from './reader.ts';

/** The thread that speaks NBD for a reader that waits: answers `[offset, length]` with bytes, one after the other. */
const { address, words, bytes } = workerData as Shared;
const [state, out] = [new Int32Array(words), Buffer.from(bytes)];

const tell = (length: number) => {
  Atomics.store(state, 1, length);
  Atomics.store(state, 0, 1);
  Atomics.notify(state, 0);
};
const fail = (error: unknown) => {
  out.fill(0);
  out.write(error instanceof Error ? error.message : String(error));
  tell(-1);
};

const client = await NbdClient.connect(address.server, { exportName: address.exportName }).catch(fail);
if (client) {
  out.writeBigUInt64LE(BigInt(client.size), 0);
  tell(8);
  const block = Buffer.alloc(out.length);
  parentPort!.on('message', ([offset, length]: [number, number]) => {
    const part = block.subarray(0, length);
    client.read(offset, part).then(() => {
      part.copy(out);
      tell(length);
    }, fail);
  });
}
