import { expect, test } from 'vitest';
import { Soon } from './soon.ts';

test('soon - each is driven once more however often it was asked for, and again when that comes while it is driven', async () => {
  const soon = new Soon();
  const stop = new AbortController();
  const driven: string[] = [];
  const idle = Promise.withResolvers<void>();
  soon.add('a');
  soon.add('b');
  soon.add('a');
  const running = soon.run(async (id) => {
    driven.push(id);
    if (driven.length === 1) soon.add('a');
    if (driven.length === 3) queueMicrotask(() => soon.add('c'));
    if (id === 'c') idle.resolve();
  }, stop.signal);
  await idle.promise;
  stop.abort();
  await running;
  expect(driven).toEqual(['a', 'b', 'a', 'c']);
});

test('soon - one that fails keeps none of the others from the next run', async () => {
  const soon = new Soon();
  const driven: string[] = [];
  const drive = async (id: string) => {
    driven.push(id);
    if (id === 'a') throw new Error('away');
  };
  soon.add('a');
  soon.add('b');
  await expect(soon.run(drive, new AbortController().signal)).rejects.toThrow('away');
  await soon.turn(drive);
  expect(driven).toEqual(['a', 'b']);
});
