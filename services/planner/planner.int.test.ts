import { Bus } from '@tranship/bus';
import {
  type Envelope,
  type ErrorCode,
  envelope,
  eventExamples,
  providerSchema,
  type Report,
  type StepName,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import { FakeClock } from '@tranship/service-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NatsServer } from '../../libs/bus/testing/nats-server.ts';
import { aggregates, commandIssuer, courseLog } from './adapters/log.ts';
import { type LiveModel, liveModel } from './adapters/model.ts';
import type { Engine } from './advance.ts';
import { newCourse } from './domain/course.ts';
import { driver } from './drive.ts';
import { report } from './handlers/report.ts';
import { Bandwidth, withLimits } from './limits.ts';
import type { Commands } from './ports.ts';
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
  const engine: Engine = {
    ...{ log: courseLog(all), commands },
    present: () => ({ now: clock.now(), history: model.history() }),
  };
  return { all, model, engine, driver: driver(all, engine, model) };
}
type Replica = ReturnType<typeof replica>;

async function queued({ all, engine }: Replica, migration: string, over: Parameters<typeof plan>[0] = {}) {
  const started = { plan: 'p', generation: 1, concurrency: 20, vms: [{ id: 'vm-1', name: 'web-01' }] };
  await engine.log.append(newCourse(migration, 'vm-1'), { type: 'vm.queued', data: plan(over) });
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

/** The answers of a cold course up to its copy. */
async function toCopy(engine: Engine, migration: string): Promise<void> {
  const point = { at: new Date(clock.now()).toISOString(), disks: [], foreign: [] };
  const off = { was: 'poweredOn', how: 'guest', at: point.at };
  for (const [step, result] of [
    ['prepare', prepared],
    ['powerOff', off],
    ['findChanges', point],
  ] as const)
    await report(engine, answer(migration, step, 1, result));
}

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
  await queued(one, 'limit-1', { host: 'host-2' });
  await one.model.current();
  await driver(one.all, engine, one.model).sweep();
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
