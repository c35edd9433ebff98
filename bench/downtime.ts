import { closeSync, openSync, writeSync } from 'node:fs';
import type { Story } from '../e2e/story.ts';
import { kubectl } from '../lab/host/kubectl.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { ForkliftReplay } from './forklift.ts';
import { type BenchVm, blankDefaults, blanks, withLab } from './lab.ts';
import { type Line, line, type Measured, median, rounds as paired, ratios } from './measure.ts';
import { VirtV2v } from './virt-v2v.ts';

const mib = 1024 ** 2;
const sizeBytes = 64 * mib;
/** What the guest would have written since the last pass. */
const areas = 32;
const any = { parse: (value: unknown) => value };

/** Changes the source's disk as its guest would. */
async function write(story: Story, vm: string): Promise<void> {
  const file = openSync((await story.disks(vm))[0]!.path, 'r+');
  for (let i = 0; i < areas; i++) writeSync(file, Buffer.alloc(65_536, `${vm} ${i}`), 0, 65_536, i * mib);
  closeSync(file);
}

async function same(vm: string, claim: string): Promise<void> {
  const moved = await digest(await claimFile('apps', claim), sizeBytes);
  if (moved !== (await digest(sourceFile('fast-ds', vm, 0), sizeBytes))) throw new Error(`${vm} did not arrive whole`);
}

/** The next round finds the machine quiet. */
async function forget(vm: string): Promise<void> {
  await kubectl(['delete', 'vm', vm, '-n', 'apps', '--wait=false', '--ignore-not-found']);
  await kubectl([
    'delete',
    'vmi',
    vm,
    '-n',
    'apps',
    '--grace-period=0',
    '--force',
    '--ignore-not-found',
    '--wait=false',
  ]);
  await kubectl(['delete', 'pod', '-n', 'apps', '--all', '--grace-period=0', '--force', '--wait=false']);
}

const parts = ['shutdown', 'delta', 'prove', 'convert', 'handOver'] as const;
type Parts = Partial<Record<(typeof parts)[number], number>>;

/** Ours: from the decision to power off to the target's start, by the log of events; its step `convert` has nothing to do, and counts. */
async function ours(story: Story, vm: string, seen: Parts[]): Promise<Measured> {
  const defaults = { ...blankDefaults, targetPower: 'on', health: { agent: 'ignore' } };
  await story.plan(vm, [{ name: vm }], { type: 'warm', precopy: { interval: '1h', auditPercent: 0 }, defaults });
  const migration = await story.start(vm);
  await story.happened(migration, 'vm.forecast');
  await write(story, vm);
  await story.api.send('POST', ['migrations', migration, 'cutover'], any);
  await story.happened(migration, 'vm.started');
  await same(vm, `${vm}-disk-0`);
  const at = new Map((await story.timeline(migration)).map(({ type, time }) => [type, Date.parse(time)]));
  const { state, vms } = await story.finished(migration);
  if (state !== 'succeeded') throw new Error(`${vm} did not move: ${state}`);
  seen.push((vms[0]?.downtime ?? {}) as Parts);
  await forget(vm);
  return { ms: at.get('vm.started')! - at.get('vm.cutover-due')!, cpuMs: 0 };
}

async function theirs(story: Story, vm: string): Promise<Measured> {
  const { id } = (await story.vms()).find(({ name }) => name === vm)!;
  const replay = new ForkliftReplay(story.lab, { id, name: vm });
  try {
    await replay.precopy();
    await write(story, vm);
    const ms = await replay.cutover();
    await same(vm, replay.claim);
    return { ms, cpuMs: 0 };
  } finally {
    await replay.end();
    await forget(vm);
  }
}

const address = (i: number) => `192.168.76.${40 + i}`;
const guests: readonly BenchVm[] = ['ours-guest', 'theirs-guest'].map((name, i) => ({
  ...{ name, guest: 'debian-12', power: 'off', disks: [{ sizeGB: 1 }] },
  network: { mac: `00:50:56:aa:ee:0${i}`, address: `${address(i)}/24`, gateway: '192.168.76.2' },
}));
const bootSeconds = 600;

async function boot(story: Story, vm: string): Promise<void> {
  await story.power(vm, 'on');
  const up = async () => (await story.vms()).some(({ name, toolsRunning }) => name === vm && toolsRunning);
  await story.eventually(up, bootSeconds);
}

/** A Debian guest, from its power-off to the order that starts the target: its own shutdown and boot are the same for both. */
async function oursConverted(story: Story, vm: string): Promise<number> {
  await boot(story, vm);
  const defaults = { targetPower: 'on', health: { agent: 'ignore' } };
  await story.plan(vm, [{ name: vm }], { type: 'warm', precopy: { interval: '1h' }, defaults });
  const migration = await story.start(vm);
  await story.happened(migration, 'vm.forecast', bootSeconds);
  await story.api.send('POST', ['migrations', migration, 'cutover'], any);
  await story.happened(migration, 'vm.started', bootSeconds);
  const at = new Map((await story.timeline(migration)).map(({ type, time }) => [type, Date.parse(time)]));
  await forget(vm);
  return at.get('vm.started')! - at.get('vm.powered-off')!;
}

async function theirsConverted(story: Story, vm: string, virtV2v: VirtV2v): Promise<number> {
  await boot(story, vm);
  const { id } = (await story.vms()).find(({ name }) => name === vm)!;
  const replay = new ForkliftReplay(story.lab, { id, name: vm });
  try {
    await replay.precopy();
    await replay.shutDown();
    return await replay.cutover(async () => virtV2v.convert(await claimFile('apps', replay.claim)));
  } finally {
    await replay.end();
    await forget(vm);
  }
}

/**
 * A warm cutover of a blank VM, so without boot and conversion, against Forklift's steps with its loop of 3 s (bench/forklift.ts);
 * and once of a Debian guest, with conversion: without KVM, in which virt-v2v's appliance is slower than it need be.
 */
export async function downtime(count: number): Promise<Line> {
  const virtV2v = await VirtV2v.ready();
  const vms = [...blanks('ours', count), ...blanks('theirs', count), ...guests];
  const measured = withLab(vms, async (story) => {
    const seen: Parts[] = [];
    let [our, their] = [0, 0];
    const found = await paired(count, {
      ours: () => ours(story, `ours-${our++}`, seen),
      theirs: () => theirs(story, `theirs-${their++}`),
    });
    const converted = {
      ours: await oursConverted(story, 'ours-guest'),
      theirs: await theirsConverted(story, 'theirs-guest', virtV2v),
    };
    const part = (name: (typeof parts)[number]) => median(seen.map((each) => each[name] ?? 0));
    return line('downtime', 'Forklift’s phases, one every 3 s', ratios(found.ours, found.theirs, 'ms'), {
      seconds: median(found.ours.map(({ ms }) => ms)) / 1000,
      theirSeconds: median(found.theirs.map(({ ms }) => ms)) / 1000,
      ...Object.fromEntries(parts.map((name) => [`${name}Seconds`, part(name)])),
      convertedWithoutKvmRatio: converted.ours / converted.theirs,
      convertedWithoutKvmSeconds: converted.ours / 1000,
      theirConvertedWithoutKvmSeconds: converted.theirs / 1000,
    });
  });
  return measured.finally(() => virtV2v.end());
}
