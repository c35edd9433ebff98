import { envelope, eventExamples, providerSchema, type Report, type StepName } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { driver } from './acts/drive.ts';
import { Bandwidth, withLimits } from './acts/limits.ts';
import { commandIssuer } from './adapters/log.ts';
import { newCourse } from './domain/course.ts';
import { report } from './handlers/report.ts';
import type { Commands } from './ports.ts';
import { plan } from './testing/course.ts';
import { answer, bus, clock, failed, inQueue, prepared, queued, replica, toCopy, types } from './testing/replica.ts';

test('planner - killed between an event and its command, the next one issues just that command, once', async () => {
  const dead: Commands = {
    issue: async (course, due) => {
      if (due.step === 'powerOff') throw new Error('killed');
      await commandIssuer(bus, clock).issue(course, due);
    },
  };
  const first = replica(dead);
  await queued(first, 'killed-1');
  await first.model.current();
  await first.driver.sweep();
  await expect(report(first.engine, answer('killed-1', 'prepare', 1, prepared))).rejects.toThrow('killed');
  expect(await types(first, 'killed-1')).toEqual(['vm.queued', 'vm.admitted', 'vm.prepared', 'vm.cutover-due']);
  const [second, third] = [replica(), replica()];
  await Promise.all([second.model.current(), third.model.current()]);
  await Promise.all([second.driver.sweep(), third.driver.sweep()]);
  await second.driver.sweep();
  expect(await inQueue('killed-1')).toEqual(['killed-1/vm-1/powerOff/1']);
});

test('planner - two replicas that hear the same answer state it once', async () => {
  const [one, other] = [replica(), replica()];
  await queued(one, 'twice-1');
  await Promise.all([one.model.current(), other.model.current()]);
  await Promise.all([one.driver.sweep(), other.driver.sweep()]);
  const told = answer('twice-1', 'prepare', 1, prepared);
  await Promise.all([report(one.engine, told), report(other.engine, told), report(one.engine, told)]);
  expect(await types(one, 'twice-1')).toEqual(['vm.queued', 'vm.admitted', 'vm.prepared', 'vm.cutover-due']);
  expect(await inQueue('twice-1')).toEqual(['twice-1/vm-1/powerOff/1']);
});

test('planner - what one replica wrote the other has read when it is asked', async () => {
  const [one, other] = [replica(), replica()];
  await one.model.current();
  await queued(one, 'fresh-1');
  await other.model.current();
  expect(other.model.migration('fresh-1')?.started.plan).toBe('p');
  expect(other.model.course('fresh-1', 'vm-1')?.state).toBe('QU');
});

test('planner - a copy’s limit is written before it is asked for, and again as the provider or a person changes it', async () => {
  const one = replica();
  const bandwidth = new Bandwidth(one.model, bus.limits);
  let seen: number | null | undefined;
  const asked: Commands = {
    issue: async ({ migration, vm }, { step }) => {
      if (step === 'copy') seen = await bus.limits.get(migration, vm);
    },
  };
  const engine = { ...one.engine, commands: withLimits(asked, bandwidth) };
  const provider = (bandwidthMBps: number) => {
    const { metadata, spec, ...document } = providerSchema.parse(eventExamples['provider.added']);
    const data = { ...document, metadata, spec: { ...spec, limits: { ...spec.limits, bandwidthMBps } } };
    return { type: 'provider.added', data } as const;
  };
  const first = await one.all.append('provider', ['vc'], provider(30), 0);
  await queued(one, 'limit-1', { host: 'host-2', connection: plan().connection });
  await one.model.current();
  await driver(one.all, engine, one.model, one.snapshots).sweep();
  await toCopy(engine, 'limit-1');
  expect(seen).toBe(30_000_000);
  const after = async (change: Promise<unknown>) => {
    await change;
    await bandwidth.apply();
    return bus.limits.get('limit-1', 'vm-1');
  };
  const say = async (mbps: number | null) =>
    engine.log.append(await engine.log.load('limit-1', 'vm-1'), { type: 'vm.throttled', data: { mbps } });
  expect(await after(say(5))).toBe(5_000_000);
  const second = one.all.append('provider', ['vc'], provider(2), first);
  expect(await after(second)).toBe(2_000_000);
  expect(await after(one.all.append('provider', ['vc'], provider(0), await second))).toBe(5_000_000);
  expect(await after(say(null))).toBeNull();
});

test('planner - a proof that fails is no end: the pass is done again as another command, twice at most', async () => {
  const one = replica();
  await queued(one, 'proof-1');
  await one.model.current();
  await one.driver.sweep();
  await toCopy(one.engine, 'proof-1');
  const copies: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { state, attempt } = await one.engine.log.load('proof-1', 'vm-1');
    expect(state).toBe('CP');
    copies.push(attempt);
    await report(one.engine, answer('proof-1', 'copy', attempt, { disks: [], seconds: 1 }));
    await report(one.engine, failed('proof-1', 'prove', attempt, 'transfer.proof'));
  }
  expect(new Set(copies).size).toBe(3);
  const told = await types(one, 'proof-1');
  expect(told.filter((type) => type === 'vm.proof-failed')).toHaveLength(2);
  expect(told.at(-1)).toBe('vm.step-failed');
});

test('planner - what a worker tells of its progress gives a copy its tries anew; without it the sixth failure is the last', async () => {
  const one = replica();
  await queued(one, 'further-1', { host: 'host-9' });
  await one.model.current();
  await one.driver.sweep();
  await toCopy(one.engine, 'further-1');
  const fails = async (doneBytes: number) => {
    const { attempt } = await one.engine.log.load('further-1', 'vm-1');
    const message = failed('further-1', 'copy', attempt, 'transfer.write');
    const { outcome, ...data } = message.data as Report;
    const told = { ...message, data: { ...data, outcome: { ...outcome, reached: [{ disk: 0, doneBytes }] } } };
    return (await report(one.engine, told)).state;
  };
  for (let i = 1; i <= 8; i++) expect(await fails(i)).toBe('CP');
  // The last of those is the first without progress since.
  for (let i = 2; i < 6; i++) expect(await fails(8)).toBe('CP');
  expect(await fails(8)).toBe('RT');
});

test('planner - no more snapshots on a datastore than it bears, whichever replica begins the passes; the next begins when one is gone', async () => {
  const [one, other] = [replica(), replica()];
  const vms = ['vm-7', 'vm-8', 'vm-9'];
  for (const vm of vms) {
    const warm = plan({ type: 'warm', host: 'host-7', datastores: ['ds-7'], snapshotsPerDatastore: 1 });
    await one.engine.log.append(newCourse('few-1', vm), { type: 'vm.queued', data: warm });
  }
  const started = { plan: 'p', generation: 1, concurrency: 20, vms: vms.map((id) => ({ id, name: id })) };
  await one.all.append('migration', ['few-1'], { type: 'migration.started', data: started }, 0);
  await Promise.all([one.model.current(), other.model.current()]);
  await one.driver.sweep();
  const states = async () => Promise.all(vms.map(async (vm) => (await one.engine.log.load('few-1', vm)).state));
  const say = async (vm: string, step: StepName, result: unknown, by = one) => {
    const { attempt } = await by.engine.log.load('few-1', vm);
    const data: Report = { migration: 'few-1', vm, step, attempt, outcome: { ok: true, result } };
    const time = new Date(clock.now());
    return report(by.engine, envelope({ id: 'r', source: 'test', type: 'tranship.cmd.planner.report', time, data }));
  };
  await Promise.all(vms.map((vm, i) => say(vm, 'prepare', prepared, i === 1 ? other : one)));
  await Promise.all([one.driver.sweep(), other.driver.sweep()]);
  expect((await states()).sort()).toEqual(['SN', 'WT', 'WT']);
  const first = vms[(await states()).indexOf('SN')]!;
  const point = { at: new Date(clock.now()).toISOString(), disks: [], foreign: [] };
  await say(first, 'snapshot', { ...point, snapshot: 's-1', tracking: 'on', powerState: 'poweredOn' });
  await say(first, 'copy', { disks: [], seconds: 1 });
  await say(first, 'prove', { grade: 'standard', disks: [], seconds: 1 });
  await Promise.all([one.driver.sweep(), other.driver.sweep()]);
  expect((await states()).sort()).toEqual(['RM', 'WT', 'WT']);
  const over = await say(first, 'removeSnapshot', { seconds: 1 });
  await one.model.current();
  expect(await one.snapshots.giveBack(over)).toBe(true);
  expect(await one.snapshots.giveBack(over)).toBe(false);
  await Promise.all([one.driver.beginPasses(), other.driver.beginPasses()]);
  const after = await states();
  expect(after.filter((state) => state === 'SN')).toHaveLength(1);
  expect(after[vms.indexOf(first)]).toBe('IN');
});
