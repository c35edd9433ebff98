import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bench, failure, sha256 } from './testing/bench.ts';

const disks = [{ sizeGB: 0.0078125, fill: 'random:1MB' }];
let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start({
    vcenter: { hosts: 2, handlesPerHost: 2 },
    vms: [
      { name: 'one', disks },
      { name: 'two', disks },
      { name: 'three', disks },
      { name: 'other', host: 'esx-1', disks },
    ],
  });
});
afterAll(() => bench?.stop());

test('busy - a host whose sessions are all taken refuses one more as the library does; another host has its own', async () => {
  const held = [await bench.open('one'), await bench.open('two')];
  try {
    const refused = { code: 'transfer.busy', retry: true, fix: expect.stringContaining('limits.nfcSessionsPerHost') };
    expect(await failure(bench.open('three'))).toMatchObject({
      ...refused,
      detail: expect.stringContaining('too many NFC connections'),
    });
    await (await bench.open('other')).close();
    // Both: on a busy machine an nbdkit may be ended the hard way, and the lab's host hears of that handle no more.
    for (const each of held.splice(0)) await each.close();
    await bench.copy('three');
    expect(sha256(bench.target())).toBe(sha256(bench.source('three')));
  } finally {
    await Promise.all(held.map((each) => each.close()));
  }
  expect(bench.nbdkits()).toEqual([]);
});
