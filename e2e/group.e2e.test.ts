import type { Problem } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { kubectlJson } from '../lab/host/kubectl.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { bootableBtrfs, unbootable } from './odd-disk.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
const sizes = { 'pair-01': 0.125 * gib, 'pair-02': 0.125 * gib };
const names = Object.keys(sizes) as (keyof typeof sizes)[];
let story: Story;
let migration: string;
beforeAll(async () => {
  story = await Story.begin({ planner: 2 });
});
afterAll(() => story?.end());

const retry = () => story.api.send('POST', ['migrations', migration, 'retry'], z.any());
/** Both VMs' errors, targets and sources, by name. */
async function seen() {
  const { state, vms } = await story.status(migration);
  const { items } = await kubectlJson(['get', 'vm', '-n', 'apps']);
  const sources = await story.vms();
  return {
    state,
    errors: Object.fromEntries(vms.map(({ name, error }) => [name, (error as Problem | undefined)?.code])),
    targets: items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).sort(),
    sources: names.map((name) => sources.find((vm) => vm.name === name)?.powerState),
  };
}

test('group - one of two cannot be converted when both are off: neither moves, both sources run again, and the copies are kept', async () => {
  bootableBtrfs((await story.disks('pair-02'))[0]!.path);
  await story.plan(
    'pair',
    names.map((name) => ({ name, group: 'shop' })),
    { defaults: { shutdown: { deadline: '10s', then: 'powerOff' } } },
  );
  migration = await story.start('pair');
  await story.finished(migration);
  await story.eventually(async () => (await seen()).sources.every((power) => power === 'poweredOn'));
  expect(await seen()).toEqual({
    state: 'failed',
    errors: { 'pair-01': 'migration.group', 'pair-02': 'guest.btrfs-unsupported' },
    targets: [],
    sources: ['poweredOn', 'poweredOn'],
  });
  const types = await story.types(migration);
  expect(types.filter((type) => type === 'vm.powered-off')).toHaveLength(2);
  expect(types).not.toContain('vm.started');
});

test('group - mended and tried again both move together: no source goes off before both are ready, no target starts before both sources were seen to be off', async () => {
  const before = (await story.types(migration)).length;
  unbootable((await story.disks('pair-02'))[0]!.path);
  await retry();
  await story.finished(migration);
  expect(await seen()).toEqual({
    state: 'succeeded',
    errors: { 'pair-01': undefined, 'pair-02': undefined },
    targets: names,
    sources: ['poweredOff', 'poweredOff'],
  });
  const types = (await story.types(migration)).slice(before);
  for (const [first, then] of [
    ['vm.prepared', 'vm.powered-off'],
    ['vm.created', 'vm.started'],
    ['vm.source-checked', 'vm.started'],
  ] as const) {
    expect(types.filter((type) => type === first)).toHaveLength(2);
    expect(types.filter((type) => type === then)).toHaveLength(2);
    expect([first, types.lastIndexOf(first) < types.indexOf(then)]).toEqual([first, true]);
  }
  for (const name of names) {
    expect((await kubectlJson(['get', 'vmi', name, '-n', 'apps'])).status.phase).toBe('Running');
    // Without a system it has written nothing.
    const moved = await digest(await claimFile('apps', `${name}-disk-0`), sizes[name]);
    expect(moved).toBe(await digest(sourceFile('fast-ds', name, 0), sizes[name]));
  }
  expect(await story.leftovers()).toEqual([]);
});
