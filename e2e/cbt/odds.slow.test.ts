import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { randomFrom } from '../../libs/blocks/testing/source.ts';
import { leaf, Warm } from './warm.ts';

/** Each with its own seed, so the same each time. A hundred of them, without a vCenter: libs/blocks/audit.test.ts. */
const runs = 20;
let warm: Warm;
beforeAll(async () => {
  const vms = [{ name: 'often', power: 'on', disks: [{ sizeGB: 1.25 }] }];
  warm = await Warm.start({ vcenter: { datastores: [{ name: 'fast-ds' }] }, vms });
});
beforeEach(() => warm.begin());
afterAll(() => warm?.stop());

test('odds - lies about one in a hundred of the clean leaves, other ones each time: found in at least 19 of 20 passes', {
  timeout: 600_000,
}, async () => {
  const leaves = 20_480;
  const lied = 205;
  await warm.pass('often', { unproven: true });
  let found = 0;
  for (let seed = 1; seed <= runs; seed++) {
    // Of every tenth leaf, so that the disk stays small; the leaf that is told lies apart.
    const random = randomFrom(seed);
    const hidden = new Set<number>();
    while (hidden.size < lied) hidden.add(Math.floor(random() * (leaves / 10)) * 10);
    await warm.writes('often', [...hidden, 20_479]);
    await warm.bench.tell(`/cbt/lie?vm=often&to=${20_479 * leaf}`);
    const { found: said, copied } = await warm.pass('often', { audit: 0.001, unproven: true });
    expect(JSON.parse(said.areas!)).toEqual([[20_479 * leaf, leaf]]);
    const left = await warm.different('often', [...hidden, 20_479]);
    if (copied.liedLeaves > 0) found++;
    expect(left).toBe(copied.liedLeaves > 0 ? 0 : lied);
    await warm.bench.tell('/cbt/lie?vm=often', undefined, 'DELETE');
  }
  expect(found).toBeGreaterThanOrEqual(0.95 * runs);
});
