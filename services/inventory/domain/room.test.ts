import { expect, test } from 'vitest';
import { datastoreOf, datastoresOf, roomFor } from './room.ts';

const on = (...ids: (string | undefined)[]) => ({
  id: 'vm-1',
  disks: ids.map((id) => (id === undefined ? {} : { datastore: { id, name: id } })) as never,
});
const stores = [
  datastoreOf('ds-1', { name: 'fast', freeSpace: '900' }),
  datastoreOf('ds-2', { name: 'slow', freeSpace: 100 }),
];

test('room - it is that of the datastore which has the least, of those where the disks lie', () => {
  expect(roomFor(on('ds-1', 'ds-2'), stores, 200)).toEqual({
    ...{ vm: 'vm-1', datastore: 'slow', freeBytes: 100, needBytes: 200 },
  });
  expect(roomFor(on('ds-1'), stores, 200)).toMatchObject({ datastore: 'fast', freeBytes: 900 });
});

test('room - nothing is said of datastores that are not known', () => {
  expect(roomFor(on(undefined), stores, 1)).toBeUndefined();
  expect(roomFor(on('ds-9'), stores, 1)).toBeUndefined();
  expect(datastoresOf(on('ds-1', 'ds-1', undefined))).toEqual(['ds-1']);
});
