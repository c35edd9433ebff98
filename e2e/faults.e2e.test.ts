import { validationSchema } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
const any = z.any();
let story: Story;
beforeAll(async () => {
  story = await Story.begin();
});
afterAll(() => story?.end());

const problem = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: { code?: string; message: string }) => error,
  );

test('input - a field that is not known is named, with the nearest that is', async () => {
  const error = await problem(story.plan('typo', [{ name: 'data-01', targetNmae: 'x' }]));
  expect(error).toMatchObject({ code: 'document.invalid', message: expect.stringMatching(/targetNmae.*targetName/s) });
});

test('input - an absent VM, an unmapped network and a bad name are concerns, and nothing starts', async () => {
  await story.plan('wrong', [{ name: 'nobody' }, { name: 'data-01', targetName: 'not valid!' }, { name: 'busy-01' }], {
    networkMap: { entries: [] },
  });
  const { vms } = await story.api.send('POST', ['plans', 'wrong', 'validate'], validationSchema);
  const ids = vms.map(({ concerns }) => concerns.map(({ id }) => id));
  expect(ids[0]).toContain('vm.not-found');
  expect(ids[1]).toEqual(expect.arrayContaining(['vm.name-invalid', 'nic.unmapped']));
  for (const { why, fix } of vms.flatMap(({ concerns }) => concerns)) expect(why && fix).toBeTruthy();
  expect(await problem(story.start('wrong'))).toMatchObject({ code: 'plan.not-ready' });
});

test('provider - a wrong password is told as such, and heals when the right one comes', async () => {
  await story.addProvider('locked', 'not the password');
  const { checks } = await story.api.send('POST', ['providers', 'locked', 'test'], any);
  expect(checks.find(({ name }: { name: string }) => name === 'login')).toMatchObject({ ok: false });
  await story.api.remove(['providers', 'locked']);
});

test('target - a volume that cannot bind is told with its class; nothing of ours stays', async () => {
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'nobody' },
      provisioner: 'nobody.example',
    }),
  );
  await story.plan('unbound', [{ name: 'data-02' }], {}, 'nobody');
  const { state, vms } = await story.finished(await story.start('unbound'), 180);
  expect(state).toBe('failed');
  expect(vms[0]?.error).toMatchObject({ code: 'target.pvc-unbound', detail: expect.stringContaining('nobody') });
  expect(await story.leftovers()).toEqual([]);
});

test('source - somebody starts it during the copy: the target is not started, a person decides', async () => {
  await story.plan('contested', [{ name: 'big-01' }], { defaults: { targetPower: 'on', health: { agent: 'ignore' } } });
  const migration = await story.start('contested');
  await story.happened(migration, 'vm.powered-off');
  await story.control('/power/on?vm=big-01');
  await story.eventually(async () => (await story.status(migration)).vms[0]?.state === 'contested', 180);
  expect(
    (await kubectlJson(['get', 'vmi', '-n', 'apps'])).items.filter(
      ({ metadata }: { metadata: { name: string } }) => metadata.name === 'big-01',
    ),
  ).toEqual([]);
  await story.control('/power/off?vm=big-01');
});

test('transfer - killed in the middle of the copy, it goes on from its ledger', async () => {
  await story.plan('torn', [{ name: 'big-01', targetName: 'torn-01' }]);
  const migration = await story.start('torn');
  await story.happened(migration, 'vm.powered-off');
  const { items } = await kubectlJson([
    'get',
    'pods',
    '-n',
    'tranship-work',
    '-l',
    `tranship.dev/migration=${migration}`,
  ]);
  await kubectl([
    'exec',
    '-n',
    'tranship-work',
    items[0].metadata.name,
    '-c',
    'transfer',
    '--',
    'sh',
    '-c',
    'kill -9 $(cat /proc/[0-9]*/stat | grep "(node)" | head -1 | cut -d" " -f1)',
  ]).catch(() => {});
  const { state, vms } = await story.finished(migration, 240);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  const moved = await digest(await claimFile('apps', 'torn-01-disk-0'), gib);
  expect(moved).toBe(await digest(sourceFile('fast-ds', 'big-01', 0), gib));
});

test('vCenter - its sessions expire in the middle: they are opened again', async () => {
  await story.control('/sessions/expire');
  await story.plan('expired', [{ name: 'data-03', targetName: 'expired-01' }]);
  const migration = await story.start('expired');
  await story.control('/sessions/expire');
  expect((await story.finished(migration)).state).toBe('succeeded');
});

test('cancel - before the target has run, everything of ours goes and the source is as it was', async () => {
  await story.plan('stopped', [{ name: 'big-01', targetName: 'stopped-01' }]);
  const migration = await story.start('stopped');
  await story.happened(migration, 'vm.prepared');
  await story.api.send('POST', ['migrations', migration, 'cancel'], any);
  expect((await story.finished(migration, 180)).state).toBe('cancelled');
  expect(await story.leftovers()).toEqual([]);
  expect(await problem(kubectlJson(['get', 'vm', 'stopped-01', '-n', 'apps']))).toBeTruthy();
});

test('guest - without VMware Tools it cannot be shut down: the source goes on, the fix is told', async () => {
  await story.plan('busy', [{ name: 'busy-01' }], { defaults: { shutdown: { deadline: '10s', then: 'fail' } } });
  const { state, vms } = await story.finished(await story.start('busy'), 180);
  expect(state).toBe('failed');
  expect(vms[0]?.error).toMatchObject({ code: 'source.shutdown-timeout' });
  expect(await story.leftovers()).toEqual([]);
});
