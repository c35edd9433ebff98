import { Bus } from '@tranship/bus';
import {
  type Envelope,
  type ErrorCode,
  envelope,
  type Report,
  type StepName,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import { createLogger } from '@tranship/service-kit';
import { FakeClock } from '@tranship/service-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NatsServer } from '../../libs/bus/testing/nats-server.ts';
import { aggregates, commandIssuer, courseLog } from './adapters/log.ts';
import { type LiveModel, liveModel } from './adapters/model.ts';
import type { Engine } from './advance.ts';
import { newCourse } from './domain/course.ts';
import { driver } from './drive.ts';
import { look } from './guard.ts';
import { report } from './handlers/report.ts';
import type { Commands } from './ports.ts';
import { Snapshots } from './snapshots.ts';
import { plan } from './testing/course.ts';

let server: NatsServer;
let bus: Bus;
const stop = new AbortController();
const clock = new FakeClock();

beforeAll(async () => {
  server = await NatsServer.start();
  bus = await Bus.open({ url: server.url, user: server.user, passwordFile: server.passwordFile, name: 'test' });
});
afterAll(async () => {
  stop.abort();
  await bus?.close();
  await server?.remove();
});

/** One replica of the planner, as it stands on the log. */
function replica(commands: Commands = commandIssuer(bus, clock)) {
  const all = aggregates(bus, clock);
  const model: LiveModel = liveModel(bus);
  void model.follow(stop.signal);
  const snapshots = new Snapshots(all, model);
  const engine: Engine = {
    ...{ log: courseLog(all), commands, snapshots },
    present: () => ({ now: clock.now(), history: model.history() }),
  };
  return { all, model, engine, snapshots, driver: driver(all, engine, model, snapshots) };
}
type Replica = ReturnType<typeof replica>;

async function queued({ all, engine }: Replica, migration: string): Promise<void> {
  const started = { plan: 'p', generation: 1, concurrency: 20, vms: [{ id: 'vm-1', name: 'web-01' }] };
  await engine.log.append(newCourse(migration, 'vm-1'), { type: 'vm.queued', data: plan() });
  await all.append('migration', [migration], { type: 'migration.started', data: started }, 0);
}

function answer(migration: string, step: StepName, attempt: number, result: unknown): Envelope {
  const data: Report = { migration, vm: 'vm-1', step, attempt, outcome: { ok: true, result } };
  const time = new Date(clock.now());
  return envelope({ id: 'r', source: 'test', type: 'tranship.cmd.planner.report', time, data });
}
function failed(migration: string, step: StepName, attempt: number, code: ErrorCode): Envelope {
  const outcome: Report['outcome'] = { ok: false, error: new TranshipError(code, 'disk 0 differs').toProblem() };
  const message = answer(migration, step, attempt, undefined);
  return { ...message, data: { ...(message.data as Report), outcome } };
}
const prepared = { pvcs: [], pod: 'pod' };
const types = async ({ all }: Replica, migration: string) =>
  (await all.read('vm', migration, 'vm-1')).events.map(({ type }) => type);

/** The ids of the commands that stand in the queue for this VM, in order; taking them empties it. */
async function inQueue(migration: string): Promise<string[]> {
  const [ids, done, last] = [[] as string[], new AbortController(), `${migration}/end`];
  const time = new Date(clock.now());
  const end = envelope({ id: last, source: 'test', type: 'end', time, data: {} });
  await bus.commands.send(subjects.command('inventory', 'end', migration, 'vm-1'), end);
  const options = { durable: migration, filter: subjects.commandsOf('inventory', migration, 'vm-1'), concurrency: 1 };
  const take = async ({ id }: Envelope) => {
    if (id === last) done.abort();
    else ids.push(id);
  };
  await bus.commands.consume(options, take, async () => {}, done.signal);
  return ids;
}

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

test('planner - a proof that fails is no end: the pass is done again as another command, twice at most', async () => {
  const one = replica();
  await queued(one, 'proof-1');
  await one.model.current();
  await one.driver.sweep();
  const point = { at: new Date(clock.now()).toISOString(), disks: [], foreign: [] };
  const off = { was: 'poweredOn', how: 'guest', at: point.at };
  for (const [step, result] of [
    ['prepare', prepared],
    ['powerOff', off],
    ['findChanges', point],
  ] as const)
    await report(one.engine, answer('proof-1', step, 1, result));
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

test('planner - no more snapshots on a datastore than it bears, whichever replica begins the passes; the next begins when one is gone', async () => {
  const [one, other] = [replica(), replica()];
  const vms = ['vm-1', 'vm-2', 'vm-3'];
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
  expect(after[vms.indexOf(first)]).toBe('WT');
});

test('planner - the room is looked at: a pass on a datastore that fills is given up, and goes on when there is room', async () => {
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
    await look({ log: createLogger('test', 'silent'), query: query as never }, one.engine, one.model);
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
