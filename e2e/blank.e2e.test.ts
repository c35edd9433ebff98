import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectlJson } from '../lab/host/kubectl.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
let story: Story;
beforeAll(async () => {
  story = await Story.begin({ planner: 2, 'vm-builder': 2 });
});
afterAll(() => story?.end());

test('blank VM - two disks and two NICs go through all six services, byte for byte, with two replicas', async () => {
  await story.plan('blank', [{ name: 'data-01' }]);
  const migration = await story.start('blank');
  const { state, vms } = await story.finished(migration);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  expect(await story.types(migration)).toEqual([
    ...[
      'migration.started',
      'vm.queued',
      'vm.admitted',
      'vm.prepared',
      'vm.cutover-due',
      'vm.powered-off',
      'vm.changes-found',
      'vm.pass-finished',
      'vm.proved',
    ],
    ...[
      'vm.converted',
      'vm.handed-over',
      'vm.created',
      'vm.source-checked',
      'vm.settled',
      'vm.succeeded',
      'migration.finished',
    ],
  ]);
  for (const [i, size] of [0.5 * gib, 0.25 * gib].entries()) {
    const moved = await digest(await claimFile('apps', `data-01-disk-${i}`), size);
    expect(moved).toBe(await digest(sourceFile('fast-ds', 'data-01', i), size));
  }
  const { spec } = await kubectlJson(['get', 'vm', 'data-01', '-n', 'apps']);
  const { interfaces, disks } = spec.template.spec.domain.devices;
  expect(interfaces.map(({ macAddress }: { macAddress: string }) => macAddress)).toEqual([
    '00:50:56:aa:cc:01',
    '00:50:56:aa:cc:02',
  ]);
  expect(disks.map(({ name }: { name: string }) => name)).toEqual(['disk-0', 'disk-1']);
  expect(await story.leftovers()).toEqual([]);
});

test('blank VM - onto block volumes: each disk on its own device', async () => {
  const onto = { storageClass: 'block', volumeMode: 'Block' } as const;
  await story.plan('block', [{ name: 'twin-01', targetName: 'twin-block' }], {}, onto);
  const { state, vms } = await story.finished(await story.start('block'));
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  const size = 0.0625 * gib;
  const sources = await Promise.all([0, 1].map((disk) => digest(sourceFile('fast-ds', 'twin-01', disk), size)));
  expect(sources[0]).not.toBe(sources[1]);
  for (const [disk, source] of sources.entries()) {
    const device = await claimFile('apps', `twin-block-disk-${disk}`);
    expect(device).toMatch(/^\/dev\//);
    expect(await digest(device, size)).toBe(source);
  }
});

test('blank VM - without VMware’s disk library: downloaded as vCenter exports it, and the timeline says so', async () => {
  await story.addProvider('exporting', { transfer: { method: 'nfc' } });
  await story.plan('exported', [{ name: 'data-01', targetName: 'out-01' }], { source: 'exporting' });
  let migration = '';
  // Once the provider is read.
  await story.eventually(async () => {
    migration = await story.start('exported');
    return true;
  });
  const { state, vms } = await story.finished(migration);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  for (const [i, size] of [0.5 * gib, 0.25 * gib].entries()) {
    const moved = await digest(await claimFile('apps', `out-01-disk-${i}`), size);
    expect(moved).toBe(await digest(sourceFile('fast-ds', 'data-01', i), size));
  }
  const told = (await story.timeline(migration)).find(({ type }) => type === 'vm.pass-finished');
  const via = { method: 'nfc', why: 'as the provider says' };
  expect(told?.data).toMatchObject({ disks: [{ via }, { via }] });
  expect(await story.leftovers()).toEqual([]);
  await story.api.remove(['providers', 'exporting']);
});

test('blank VM - every planner killed in the middle, nothing is lost and nothing is done twice', async () => {
  await story.plan('killed', [{ name: 'data-03' }]);
  const migration = await story.start('killed');
  await story.happened(migration, 'vm.prepared');
  await story.product.kill('planner');
  await story.product.run('planner');
  const { state } = await story.finished(migration);
  expect(state).toBe('succeeded');
  const types = await story.types(migration);
  expect(new Set(types).size).toBe(types.length);
});
