import type { Sink, StreamPiece } from '@tranship/blocks';
import { expect, test } from 'vitest';
import type { Ports } from '../ports.ts';
import { moving } from './moving.ts';

/** What is moved of these disks is never there before it is asked for; `fails`: nor is it then. */
function disks(fails = false) {
  const done = async () => {
    if (fails) throw new Error('it is away');
  };
  const piece = (offset: number): StreamPiece => ({ offset, length: 1, read: done });
  async function* pieces() {
    yield piece(0);
    yield piece(1);
  }
  const sink = { read: done, write: done, zero: done, flush: done } as unknown as Sink;
  const block = { size: 2, read: done, extents: async () => [], close: done };
  const open = async ({ key }: { key: number }) => ({ ...(key === 1 ? block : { size: 2, pieces, close: done }) });
  return { volumes: { open: async () => sink, existing: async () => sink }, openSource: open } as unknown as Ports;
}

async function opened(fails?: boolean) {
  const seen = { moves: 0 };
  const { volumes, openSource } = moving(disks(fails), () => void seen.moves++);
  const source = (key: number) => openSource({ key } as never, new AbortController().signal);
  return { seen, sink: await volumes.open({} as never), block: await source(1), stream: await source(2) };
}
const none = Buffer.alloc(0);

test('moving - what is read and written is told once it is done; of a stream also what goes by unread', async () => {
  const { seen, sink, block, stream } = await opened();
  expect(seen.moves).toBe(0);
  await Promise.all([sink.read(0, none), sink.write(0, none), sink.zero(0, 1), sink.flush()]);
  expect(seen.moves).toBe(4);
  if ('read' in block) await block.read(0, none);
  expect(seen.moves).toBe(5);
  if ('pieces' in stream) for await (const { offset } of stream.pieces()) expect(seen.moves).toBe(6 + offset);
  expect(seen.moves).toBe(7);
});

test('moving - what fails has moved nothing', async () => {
  const { seen, sink, block } = await opened(true);
  await Promise.allSettled([sink.write(0, none), sink.flush(), 'read' in block ? block.read(0, none) : undefined]);
  expect(seen.moves).toBe(0);
});
