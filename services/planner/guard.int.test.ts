import { type ErrorCode, stepExamples, TranshipError } from '@tranship/contracts';
import { createLogger } from '@tranship/service-kit';
import { expect, test } from 'vitest';
import { look } from './acts/guard.ts';
import { Bandwidth } from './acts/limits.ts';
import { Rates } from './acts/rates.ts';
import { newCourse } from './domain/course.ts';
import { describe } from './domain/migration.ts';
import { dueStep } from './domain/next.ts';
import { report } from './handlers/report.ts';
import { plan } from './testing/course.ts';
import { answer, bus, clock, coursesOf, prepared, queued, replica, toCopy, types } from './testing/replica.ts';

test('guard - the room is looked at: a pass on a datastore that fills is given up, and goes on when there is room', async () => {
  const one = replica();
  const warm = plan({ type: 'warm', host: 'host-8', datastores: ['ds-8'] });
  await one.engine.log.append(newCourse('full-1', 'vm-1'), { type: 'vm.queued', data: warm });
  const started = { plan: 'p', generation: 1, concurrency: 20, vms: [{ id: 'vm-1', name: 'web-01' }] };
  await one.all.append('migration', ['full-1'], { type: 'migration.started', data: started }, 0);
  await one.model.current();
  await one.driver.sweep();
  await report(one.engine, answer('full-1', 'prepare', 1, prepared));
  const course = () => one.engine.log.load('full-1', 'vm-1');
  const point = { at: new Date(clock.now()).toISOString(), disks: [], foreign: [], snapshot: 's-1' };
  const { attempt } = await course();
  await report(
    one.engine,
    answer('full-1', 'snapshot', attempt, { ...point, tracking: 'on', powerState: 'poweredOn' }),
  );
  const asked: unknown[] = [];
  const looks = async (freeBytes: number) => {
    await one.model.current();
    const query = async (name: string, input: { vms: string[] }) => {
      asked.push([name, input]);
      return { rooms: input.vms.map((vm) => ({ vm, datastore: 'ds', freeBytes, needBytes: 100 })) };
    };
    await look({ log: createLogger('test', 'silent'), query: query as never }, one.engine, one.model, new Rates());
    return course();
  };
  expect(await looks(100)).toMatchObject({ state: 'PC', guarded: undefined });
  const guarded = await looks(99);
  expect(guarded).toMatchObject({ state: 'RM', attempt: attempt + 1, guarded: { code: 'source.low-space' } });
  expect(asked[0]).toEqual(['room', { provider: 'vc', vms: expect.arrayContaining(['vm-1']) }]);
  await report(one.engine, answer('full-1', 'removeSnapshot', attempt + 1, { seconds: 1 }));
  expect(await looks(99)).toMatchObject({ state: 'WT', passes: [] });
  expect(await looks(125)).toMatchObject({ state: 'SN', guarded: undefined });
  expect(await types(one, 'full-1')).toEqual([
    ...['vm.queued', 'vm.admitted', 'vm.prepared', 'vm.pass-started', 'vm.snapshotted'],
    ...['vm.guarded', 'vm.snapshot-removed', 'vm.eased', 'vm.pass-started'],
  ]);
});

test('guard - a copy is slowed while a datastore answers slowly, by what it is heard to read, and given back; who cannot say changes nothing', async () => {
  const one = replica();
  const bandwidth = new Bandwidth(one.model, bus.limits);
  const rates = new Rates();
  await queued(one, 'slow-1', { host: 'host-10', connection: { ...plan().connection, provider: 'slow' } });
  await one.model.current();
  await one.driver.sweep();
  await toCopy(one.engine, 'slow-1');
  const looks = async (ms: number | undefined) => {
    await one.model.current();
    const values = { migration: 'slow-1', vm: 'vm-1', disk: 0, doneBytes: 1, totalBytes: 2, etaSeconds: null };
    rates.hear({ ...values, step: 'copy', bytesPerSecond: 80_000_000, basis: 'unknown' }, clock.now());
    const query = async (name: string, { provider, vms }: { provider: string; vms: string[] }) => {
      if (provider !== 'slow' || name !== 'latency') return { rooms: [], latencies: [] };
      if (ms === undefined) throw new TranshipError('vsphere.unreachable', 'it is away');
      return { latencies: vms.map((vm) => ({ vm, datastore: 'ds', ms, maxMs: 40 })) };
    };
    await look({ log: createLogger('test', 'silent'), query: query as never }, one.engine, one.model, rates);
    await bandwidth.apply();
    return bus.limits.get('slow-1', 'vm-1');
  };
  const status = () => describe(one.model.migration('slow-1')!, coursesOf(one, 'slow-1'), one.engine.present()).vms[0];
  expect(await looks(39)).toBeNull();
  expect(await looks(90)).toBe(40_000_000);
  expect(status()?.paced).toBe('to 40 MB/s: ds takes 90 ms to answer, more than the 40 ms that it may');
  expect(await looks(90)).toBe(40_000_000);
  await clock.advance(30_000);
  expect(await looks(undefined)).toBe(40_000_000);
  expect(await looks(90)).toBe(20_000_000);
  await clock.advance(30_000);
  expect(await looks(9)).toBe(40_000_000);
  await clock.advance(30_000);
  expect(await looks(9)).toBeNull();
  expect(status()?.paced).toBeUndefined();
  expect((await types(one, 'slow-1')).filter((type) => type === 'vm.paced')).toHaveLength(4);
});

test('guard - a source that is started beside its target is seen and told; what cannot be known just now changes nothing', async () => {
  const one = replica();
  await queued(one, 'beside-1', { host: 'host-9' });
  await one.model.current();
  await one.driver.sweep();
  const course = () => one.engine.log.load('beside-1', 'vm-1');
  for (let now = await course(); now.state !== 'WA'; now = await course()) {
    const step = dueStep(now)!;
    await report(one.engine, answer('beside-1', step, now.attempt, stepExamples[step].result));
  }
  const looks = async (code?: ErrorCode) => {
    await one.model.current();
    const query = async (name: string) => {
      if (name === 'sourceOff' && code) throw new TranshipError(code, 'the source vm-1 is poweredOn');
      return { rooms: [] };
    };
    await look({ log: createLogger('test', 'silent'), query: query as never }, one.engine, one.model, new Rates());
    return (await course()).state;
  };
  expect(await looks()).toBe('WA');
  expect(await looks('vsphere.unreachable')).toBe('WA');
  expect(await looks('source.contested')).toBe('DN');
  expect((await course()).error).toMatchObject({ code: 'source.both-run' });
});
