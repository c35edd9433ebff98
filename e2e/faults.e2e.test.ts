import { renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { validationSchema, vmReportSchema } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { find } from '../lab/host/inside.ts';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { judge } from './matrix/judge.ts';
import { acts } from './matrix/kills.ts';
import { runRow } from './matrix/row.ts';
import type { Row } from './matrix/table.ts';
import { Story } from './story.ts';

const any = z.any();
const gib = 1024 ** 3;
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

/** What `provider test` finds first that is wrong. */
async function firstFault(name: string): Promise<{ name: string; detail: string; fix: string }> {
  const { checks } = await story.api.send('POST', ['providers', name, 'test'], any);
  await story.api.remove(['providers', name]);
  return checks.find(({ ok }: { ok: boolean }) => !ok);
}

test('provider - a wrong password, a wrong certificate, a wrong address: each is told as what it is', async () => {
  await story.addProvider('locked', { password: 'not the password' });
  expect(await firstFault('locked')).toMatchObject({ name: 'login', fix: expect.stringContaining('--password-stdin') });
  const thumbprint = Array(20).fill('AA').join(':');
  await story.addProvider('stranger', { tls: { thumbprint } });
  expect(await firstFault('stranger')).toMatchObject({
    name: 'certificate',
    detail: expect.stringContaining(thumbprint),
    fix: expect.stringContaining('spec.tls.thumbprint'),
  });
  await story.addProvider('nowhere', { url: `https://${story.lab.address}:1/sdk` });
  expect(await firstFault('nowhere')).toMatchObject({
    ...{ name: 'reachable', detail: expect.stringContaining(':1') },
    fix: expect.stringContaining('firewall'),
  });
});

test.for([
  { how: 'cannot bind', storageClass: 'nobody', says: 'nobody' },
  { how: 'has no room', storageClass: 'tiny', says: 'not enough room' },
])('target - a volume that $how is told with its class; nothing of ours stays', async ({ storageClass, says }) => {
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'nobody' },
      provisioner: 'nobody.example',
    }),
  );
  await story.plan(`on-${storageClass}`, [{ name: 'data-02' }], {}, { storageClass });
  const { state, vms } = await story.finished(await story.start(`on-${storageClass}`), 60);
  expect(state).toBe('failed');
  expect(vms[0]?.error).toMatchObject({
    ...{ code: 'target.pvc-unbound', detail: expect.stringContaining(says) },
    fix: expect.stringContaining('check the storage class'),
  });
  expect(await story.leftovers()).toEqual([]);
});

test('source - somebody starts it during the copy: the target is not started, a person decides', async () => {
  await story.plan('contested', [{ name: 'big-01' }], { defaults: { targetPower: 'on', health: { agent: 'ignore' } } });
  const migration = await story.start('contested');
  await story.happened(migration, 'vm.powered-off');
  await story.power('big-01', 'on');
  await story.eventually(async () => (await story.status(migration)).vms[0]?.state === 'contested', 180);
  expect(
    (await kubectlJson(['get', 'vmi', '-n', 'apps'])).items.filter(
      ({ metadata }: { metadata: { name: string } }) => metadata.name === 'big-01',
    ),
  ).toEqual([]);
  await story.api.send('POST', ['migrations', migration, 'cancel'], any);
  expect((await story.finished(migration)).state).toBe('cancelled');
  expect(await story.leftovers()).toEqual([]);
  await story.power('big-01', 'off');
});

// One cell; `npm run faults` has them all.
test.for<Row>([{ kill: 'worker', steps: ['copy'] }])(
  '$kill - killed in the middle of the $steps, all goes on from where it was; nothing is left or read twice beyond the bound',
  async (row) => {
    const cells = judge(await runRow(story, row));
    expect(cells).toHaveLength(1);
    for (const { problems } of cells) expect(problems).toEqual([]);
  },
);

test('middle - NATS is killed and vCenter forgets its sessions during a copy: it goes on, in one pass, byte for byte', async () => {
  await story.plan('through', [{ name: 'big-01', targetName: 'through-01' }], { defaults: { targetPower: 'off' } });
  const migration = await story.start('through');
  const throttle = (mbps: number | null) =>
    story.api.send('POST', ['migrations', migration, 'vms', 'big-01', 'throttle'], any, { body: { mbps } });
  await throttle(25);
  const reading = () => find(story.lab, 'nbdkit -f').length > 0;
  await story.eventually(async () => reading(), 120);
  expect(await acts.nats(story)).toBe(1);
  await acts.sessions(story);
  // Heard again as soon as NATS is back; the copy has not waited for it.
  await story.eventually(() => throttle(null).then(() => true));
  expect(reading()).toBe(true);
  const { state, vms } = await story.finished(migration);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  const report = await story.api.get(['migrations', migration, 'vms', 'big-01', 'report'], vmReportSchema);
  expect(report.passes).toHaveLength(1);
  const moved = await digest(await claimFile('apps', 'through-01-disk-0'), gib);
  expect(moved).toBe(await digest(sourceFile('fast-ds', 'big-01', 0), gib));
  expect(await story.leftovers()).toEqual([]);
});

test('proof - two disks of one size crossed on the target: nothing goes on, told which holds which; then each has its own', async () => {
  const name = 'twin-01';
  await story.plan('twins', [{ name }], { defaults: { targetPower: 'off' } });
  await story.control('/delays', { VixDiskLib_Read: 3_000 });
  const migration = await story.start('twins');
  await story.eventually(async () => find(story.lab, 'nbdkit -f').length > 0, 120);
  // Whatever the copy came to is not gone on with before the planner is back.
  await story.product.kill('planner');
  await story.control('/delays', {});
  const reading = () => find(story.lab, 'nbdkit -f').length > 0;
  await story.eventually(async () => {
    if (reading()) return false;
    await sleep(1_000);
    return !reading();
  });
  const { items } = await kubectlJson(['get', 'pvc', '-n', 'tranship-work']);
  const claims = items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  const files = await Promise.all(
    claims.filter((each: string) => !each.endsWith('-scratch')).map((each: string) => claimFile('tranship-work', each)),
  );
  expect(files).toHaveLength(2);
  const aside = `${files[0]}.aside`;
  for (const [from, to] of [
    [files[0], aside],
    [files[1], files[0]],
    [aside, files[1]],
  ] as const)
    renameSync(from, to);
  await story.product.run('planner');
  await story.happened(migration, 'vm.proof-failed', 60);
  const { state } = await story.finished(migration);
  expect(state).toBe('succeeded');
  const told = await story.timeline(migration);
  const of = (type: string) => told.filter((each) => each.type === type);
  expect(of('vm.proof-failed')[0]!.data.error).toMatchObject({
    code: 'transfer.proof',
    detail: expect.stringMatching(/^disk ([01]): .*; it holds what disk (?!\1)[01] should$/),
  });
  const order = told.map(({ type }) => type);
  expect(order.indexOf('vm.proof-failed')).toBeLessThan(order.indexOf('vm.proved'));
  expect(order.lastIndexOf('vm.pass-finished')).toBeLessThan(order.indexOf('vm.converted'));
  for (const disk of [0, 1])
    expect(await digest(await claimFile('apps', `${name}-disk-${disk}`), 2 ** 26)).toBe(
      await digest(sourceFile('fast-ds', name, disk), 2 ** 26),
    );
  expect(await story.leftovers()).toEqual([]);
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

const source = async (name: string) => (await story.vms()).find((vm) => vm.name === name);

test('back in service - stopped by us and cancelled before the target has run, the source runs again', async () => {
  await story.plan('back', [{ name: 'busy-01', targetName: 'back-01' }], {
    defaults: { shutdown: { deadline: '10s', then: 'powerOff' } },
  });
  const migration = await story.start('back');
  await story.happened(migration, 'vm.powered-off');
  await story.api.send('POST', ['migrations', migration, 'cancel'], any);
  expect((await story.finished(migration, 180)).state).toBe('cancelled');
  expect(await story.types(migration)).toContain('vm.source-started');
  await story.eventually(async () => (await source('busy-01'))?.powerState === 'poweredOn');
  expect(await problem(kubectlJson(['get', 'vm', 'back-01', '-n', 'apps']))).toBeTruthy();
  expect(await story.leftovers()).toEqual([]);
});

test('back in service - by plan, a target that does not get well is stopped for good before its source runs again', async () => {
  await story.plan('unwell', [{ name: 'busy-01', targetName: 'unwell-01' }], {
    defaults: {
      onUnhealthy: 'rollback',
      shutdown: { deadline: '10s', then: 'powerOff' },
      health: { agent: 'required', deadline: '10s' },
    },
  });
  const migration = await story.start('unwell');
  const { state, vms } = await story.finished(migration, 240);
  expect(state).toBe('failed');
  expect(vms[0]?.error).toMatchObject({ code: 'target.unhealthy' });
  const types = await story.types(migration);
  expect(types.indexOf('vm.started')).toBeLessThan(types.indexOf('vm.rollback-requested'));
  expect(types.indexOf('vm.rollback-requested')).toBeLessThan(types.indexOf('vm.target-stopped'));
  expect(types.indexOf('vm.target-stopped')).toBeLessThan(types.indexOf('vm.source-started'));
  await story.eventually(async () => (await source('busy-01'))?.powerState === 'poweredOn');
  expect((await kubectlJson(['get', 'vmi', '-n', 'apps'])).items).toEqual([]);
  expect(await story.leftovers()).toEqual([]);
});

test('guest - without VMware Tools it cannot be shut down: the source goes on, the fix is told', async () => {
  await story.plan('busy', [{ name: 'busy-01' }], { defaults: { shutdown: { deadline: '10s', then: 'fail' } } });
  const { state, vms } = await story.finished(await story.start('busy'), 180);
  expect(state).toBe('failed');
  expect(vms[0]?.error).toMatchObject({
    code: 'source.shutdown-refused',
    fix: expect.stringContaining('VMware Tools'),
  });
  expect(await story.leftovers()).toEqual([]);
});
