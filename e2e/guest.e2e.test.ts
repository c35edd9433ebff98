import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrationSchema, type StepName, type StepResult } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { qmp } from '../lab/guests/qmp.ts';
import { consoleLog, typeAtConsole } from '../lab/host/console.ts';
import { hear, kill } from '../lab/host/inside.ts';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import { serviceNames } from '../lab/product.ts';
import { stateDir } from '../lab/state.ts';
import { systemClock } from '../libs/service-kit/index.ts';
import { VSphere } from '../libs/vsphere/index.ts';
import { addProvider, movePlan, startMigration, wholePlan } from '../scripts/demo/acts.ts';
import { waitForGuest } from '../scripts/demo/guest.ts';
import { tellConcerns } from '../scripts/demo/tell.ts';
import { line, reported } from './reported.ts';
import { Story } from './story.ts';

let story: Story;
beforeAll(async () => {
  story = await Story.begin({ planner: 2, 'vm-builder': 2 });
});
afterAll(() => story?.end());

/** The guest's service answers with its host name and a counter that it has written through to its disk. */
async function counter(address: string): Promise<number> {
  const [, count] = (await hear(story.lab, address, 7000)).split(' ');
  return Number(count);
}

/** Waits until the guest serves on its source, and vCenter sees its tools. */
async function served(name: string, address: string): Promise<number> {
  if ((await source(name)).powerState === 'poweredOff') await story.power(name, 'on');
  await story.eventually(async () => (await counter(address)) > 0, 240);
  await story.eventually(async () => (await source(name)).toolsRunning, 120);
  return counter(address);
}

async function results(migration: string): Promise<{ [K in StepName]?: StepResult<K> }> {
  const { state, vms } = await story.finished(migration, 400);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  expect(await story.leftovers()).toEqual([]);
  return vms[0]!.results as { [K in StepName]?: StepResult<K> };
}

const nic = (mac: string, name: string, address: string) =>
  expect.objectContaining({ mac, name, addresses: expect.arrayContaining([address]) });

/** Makes room for the next: emulated guests are heavy. */
const halt = (name: string) =>
  kubectl(['patch', 'vm', name, '-n', 'apps', '--type=merge', '-p', '{"spec":{"runStrategy":"Halted"}}']);

const source = async (name: string) => (await story.vms()).find((vm) => vm.name === name)!;
const monitor = (name: string) => join(stateDir, `guests/${name}.qmp`);
const status = async (name: string) => ((await qmp(monitor(name), 'query-status')) as { status: string }).status;

test('source - a snapshot stuns the running guest while its disk is frozen, and it goes on afterwards', async () => {
  await served('web-01', '192.168.76.10');
  const { url, username, passwordFile, caFile } = story.lab.vcsim;
  const login = async () => ({ username, password: readFileSync(passwordFile, 'utf8') });
  const vcenter = new VSphere({ url, trust: { ca: readFileSync(caFile, 'utf8') }, login });
  const vm = { type: 'VirtualMachine', value: (await source('web-01')).id };
  // The freeze takes a moment here, so that it can be looked at.
  await story.control('/delays?tasks', { CreateSnapshotEx: 3_000 });
  try {
    expect(await status('web-01')).toBe('running');
    const params = { name: 'look', description: '', memory: false, quiesce: false };
    const taken = vcenter.task(vm, 'CreateSnapshot_Task', params, 60_000, systemClock);
    await story.eventually(async () => (await status('web-01')) === 'paused', 30);
    const snapshot = (await taken) as unknown as { type: string; value: string };
    expect(await status('web-01')).toBe('running');
    await vcenter.task(snapshot, 'RemoveSnapshot_Task', { removeChildren: false }, 60_000, systemClock);
    expect(await hear(story.lab, '192.168.76.10', 7000)).toContain('web-01');
  } finally {
    await story.control('/delays?tasks', {});
    await vcenter.close();
  }
});

test('source - a guest whose tools run but that does not shut down in time goes on; the fix is told', async () => {
  await story.control('/guest/deaf?vm=web-01');
  try {
    await story.plan('deaf', [{ name: 'web-01' }], { defaults: { shutdown: { deadline: '10s', then: 'fail' } } });
    const { state, vms } = await story.finished(await story.start('deaf'), 240);
    expect(state).toBe('failed');
    const detail = expect.stringContaining('still runs after 10 s');
    expect(vms[0]?.error).toMatchObject({ code: 'source.shutdown-timeout', detail, fix: expect.any(String) });
    expect(await source('web-01')).toMatchObject({ powerState: 'poweredOn', toolsRunning: true });
    expect(await hear(story.lab, '192.168.76.10', 7000)).toContain('web-01');
    expect(await story.leftovers()).toEqual([]);
  } finally {
    await story.control('/guest/deaf?vm=web-01', undefined, 'DELETE');
  }
});

/** What lies between any two steps. */
const boundaries = [
  ...(['vm.admitted', 'vm.prepared', 'vm.powered-off', 'vm.pass-finished', 'vm.proved', 'vm.converted'] as const),
  ...(['vm.handed-over', 'vm.created', 'vm.source-checked', 'vm.started', 'vm.healthy'] as const),
];

const benches: readonly string[] = ['vm.prepared', 'vm.pass-finished'];

test('guest - by the demo’s own acts a running Debian moves cold, boots converted, and keeps its disk, its NIC’s name and its address; the demo’s report tells it', async () => {
  await served('web-01', '192.168.76.10');
  const said: string[] = [];
  const say = (text = '') => void said.push(text);
  const vms = await addProvider(story.api, story.lab);
  tellConcerns(await wholePlan(story.api, vms), say);
  expect(said).toContainEqual(line(' +raw-01 +ready$'));
  const before = await waitForGuest(story.api, story.lab, say);
  await movePlan(story.api, ['web-01'], 'cold');
  const migration = await startMigration(story.api);
  // Between any two steps every service is restarted: no course is in memory alone.
  for (const type of boundaries) {
    await story.happened(migration, type, 240);
    // The workbench's containers too, once before they work and once in the middle (where they may be through by now).
    const killed = benches.includes(type)
      ? ['transfer', 'converter'].map((each) => kill(story.lab, `services/${each}/main.ts`))
      : [];
    if (type === 'vm.prepared') expect(killed).toEqual([1, 1]);
    await Promise.all(serviceNames.map((name) => story.product.restart(name)));
  }
  const { powerOff, convert, watchHealth } = await results(migration);
  expect(powerOff).toMatchObject({ was: 'poweredOn' });
  expect(convert).toMatchObject({
    engine: 'direct',
    agent: 'present',
    roots: [{ index: 0, root: expect.stringMatching(/^[0-9a-f]{64}$/) }],
  });
  expect(watchHealth).toMatchObject({ proven: true });
  expect(watchHealth?.nics).toContainEqual(nic('00:50:56:aa:cc:10', 'ens192', '192.168.76.10'));
  expect((await kubectlJson(['get', 'vmi', 'web-01', '-n', 'apps'])).status.phase).toBe('Running');
  // Nothing is done twice, but for what a restart cut off: each try of a start looks at the source by itself.
  const once = (await story.timeline(migration)).map(({ type }) => type).filter((type) => type !== 'vm.step-failed');
  expect(new Set(once).size).toBe(once.length);
  expect(await consoleLog('apps', 'web-01')).toContain('MARK end');
  expect(await typeAtConsole('apps', 'web-01', /login:/, 60)).toContain('web-01 login:');
  await reported(story, migration, before!);
  await halt('web-01');
});

/** What a person sees who asks the cluster: a line of each object, one blank between its columns. */
const everything = async () =>
  (await kubectl(['get', 'vm,vmi,pvc,jobs,pods', '-A'])).split('\n').map((line) => line.replace(/\s+/g, ' '));

/** In the middle of a copy, whose workbench stands still meanwhile. */
async function seenInTheCopy(migration: string, vm: string): Promise<string[]> {
  const read = async () => (await story.reads()).find((each) => each.vm === vm)?.bytes ?? 0;
  await story.eventually(async () => (await read()) > 0, 240);
  expect(kill(story.lab, 'services/transfer/main.ts', 'SIGSTOP')).toBe(1);
  try {
    const seen = await everything();
    expect((await story.status(migration)).vms[0]?.state).toBe('copying');
    return seen;
  } finally {
    kill(story.lab, 'services/transfer/main.ts', 'SIGCONT');
  }
}

test('guest - UEFI, its root in LVM, and netplan with two NICs, one a distributed port group’s: both keep name and address; sealed, it is on the wire only when it is well; `kubectl get` tells it', async () => {
  const before = await served('mail-01', '192.168.76.20');
  // As if somebody pressed its button: vCenter has no part in it, and sees it all the same.
  await qmp(monitor('mail-01'), 'system_powerdown');
  await story.eventually(async () => (await source('mail-01')).powerState === 'poweredOff', 120);
  expect(await source('mail-01')).toMatchObject({ toolsRunning: false });
  await story.plan('mail', [{ name: 'mail-01' }], { defaults: { firstStart: 'sealed', targetPower: 'on' } });
  const migration = await story.start('mail');
  const { id } = await source('mail-01');
  const bench = `tranship-${migration}-${id}`;
  const copying = await seenInTheCopy(migration, id);
  expect(copying).toContainEqual(line(`tranship-work job.batch/${bench} Running 0/`));
  expect(copying).toContainEqual(line(`tranship-work pod/${bench}-\\w+ 2/2 Running `));
  expect(copying).toContainEqual(line(`tranship-work persistentvolumeclaim/${bench}-disk-0 Bound `));
  expect(copying).toContainEqual(line(`tranship-work persistentvolumeclaim/${bench}-scratch Bound `));
  expect(copying.filter((each) => each.includes('mail-01'))).toEqual([]);
  await story.happened(migration, 'vm.started', 300);
  const links = async () =>
    ((await kubectlJson(['get', 'vmi', 'mail-01', '-n', 'apps'])).status.interfaces ?? []).map(
      ({ linkState }: { linkState?: string }) => linkState,
    );
  // KubeVirt tells of a link once QEMU runs.
  await story.eventually(async () => (await links()).some((link: unknown) => link !== undefined), 120);
  expect(await links()).toEqual(['down', 'down']);
  const { watchHealth, unseal } = await results(migration);
  expect(unseal?.nics).toEqual(['00:50:56:aa:cc:20', '00:50:56:aa:cc:21']);
  expect(await links()).toEqual(['up', 'up']);
  expect(watchHealth?.nics).toEqual(
    expect.arrayContaining([
      nic('00:50:56:aa:cc:20', 'ens192', '192.168.76.20'),
      nic('00:50:56:aa:cc:21', 'ens224', '192.168.76.21'),
    ]),
  );
  expect(await counter('192.168.76.21')).toBeGreaterThan(before);
  const seen = await everything();
  const { node } = watchHealth!;
  expect(seen).toContainEqual(line('apps virtualmachine.kubevirt.io/mail-01 \\S+ Running True'));
  expect(seen).toContainEqual(
    line(`apps virtualmachineinstance.kubevirt.io/mail-01 \\S+ Running 192.168.76.2[01] ${node} True`),
  );
  expect(seen).toContainEqual(line('apps persistentvolumeclaim/mail-01-disk-0 Bound '));
  expect(seen).toContainEqual(line('apps pod/virt-launcher-mail-01-\\w+ (\\d)/\\1 Running '));
  expect(seen.filter((each) => each.startsWith('tranship-work'))).toEqual([]);
  const { firmware } = (await kubectlJson(['get', 'vm', 'mail-01', '-n', 'apps'])).spec.template.spec.domain;
  expect(firmware.bootloader).toHaveProperty('efi');
  await halt('mail-01');
});

test('guest - the same disk unconverted does not boot on the target, and the plan says what to do then', async () => {
  const health = { agent: 'required', deadline: '25s' };
  // On sata it may boot as it is.
  const virtio = { convert: 'none', diskBus: 'virtio', nicModel: 'virtio' };
  await story.plan('raw', [{ name: 'raw-01' }], { defaults: { ...virtio, targetPower: 'on', health } });
  const migration = await story.start('raw');
  await story.happened(migration, 'vm.decision-needed', 300);
  const { vms } = await story.status(migration);
  expect(vms[0]).toMatchObject({ error: { code: 'target.unhealthy' } });
  expect(await hear(story.lab, '192.168.76.11', 7000)).toBe('');
  // It hangs where its initramfs finds no disk; a guest that boots says its last mark (as web-01 above).
  await story.eventually(async () => /ALERT!.*does not exist/.test(await consoleLog('apps', 'raw-01')), 120);
  expect(await consoleLog('apps', 'raw-01')).not.toContain('MARK');
  await story.api.send('POST', ['migrations', migration, 'rollback'], z.any());
  expect((await story.finished(migration)).state).toBe('failed');
  expect(await story.leftovers()).toEqual([]);
  // A disk that has run is kept, stopped, until a person removes it.
  expect((await kubectlJson(['get', 'pvc', 'raw-01-disk-0', '-n', 'apps'])).status.phase).toBe('Bound');
  expect((await kubectlJson(['get', 'vmi', '-n', 'apps'])).items).toEqual([]);
});

test('guest - tried again after the rollback, the disk that ran is brought back by comparison, and is the source’s again', async () => {
  const [{ id: migration } = { id: '' }] = await story.api.list(['migrations'], migrationSchema, { plan: 'raw' });
  await story.api.send('POST', ['migrations', migration, 'retry'], z.any());
  const told = async (type: string) => (await story.timeline(migration)).filter((event) => event.type === type);
  await story.eventually(async () => (await told('vm.proved')).length === 2, 240);
  const passes = await told('vm.pass-finished');
  const disks = passes.map(({ data }) => data.disks[0]);
  expect(disks).toMatchObject([{ how: 'full' }, { how: 'compare' }]);
  // What the target wrote while it ran, if anything, is some megabytes at most.
  expect(disks[1].savedBytes).toBeGreaterThan(0.9 * disks[0].readBytes);
  expect(disks[1].root).toBe((await told('vm.proved'))[1]!.data.disks[0].root);
  await story.eventually(async () => (await told('vm.decision-needed')).length === 2, 400);
  await story.api.send('POST', ['migrations', migration, 'rollback'], z.any());
  await story.finished(migration);
  expect(await story.leftovers()).toEqual([]);
  await story.api.send('POST', ['plans', 'raw', 'archive'], z.any());
  const names = async () =>
    (await kubectlJson(['get', 'vm,pvc', '-n', 'apps'])).items.map(
      ({ metadata }: { metadata: { name: string } }) => metadata.name,
    );
  await story.eventually(async () => !(await names()).some((name: string) => name.startsWith('raw-01')), 120);
});

test('guest - converted, given the agent, which has not answered in time: without a word in the plan it is no success', async () => {
  // Shorter than any boot in software emulation.
  const defaults = { targetPower: 'on', health: { deadline: '15s' } };
  await story.plan('mute', [{ name: 'raw-01', targetName: 'mute-01' }], { defaults });
  const migration = await story.start('mute');
  await story.happened(migration, 'vm.decision-needed', 300);
  const { vms } = await story.status(migration);
  expect(vms[0]).toMatchObject({
    error: { code: 'target.unhealthy' },
    results: { convert: { engine: 'direct', agent: 'present' } },
  });
  expect(await consoleLog('apps', 'mute-01')).not.toContain('MARK');
  await story.api.send('POST', ['migrations', migration, 'rollback'], z.any());
  expect((await story.finished(migration)).state).toBe('failed');
  expect(await story.leftovers()).toEqual([]);
});
