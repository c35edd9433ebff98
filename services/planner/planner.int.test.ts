import { Bus } from '@tranship/bus';
import {
  type Envelope,
  type ErrorCode,
  envelope,
  eventExamples,
  type Plan,
  planSchema,
  providerSchema,
  type Report,
  type StepName,
  stepExamples,
  subjects,
  TranshipError,
  type TranshipEvent,
} from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { createLogger } from '@tranship/service-kit';
import { FakeClock } from '@tranship/service-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NatsServer } from '../../libs/bus/testing/nats-server.ts';
import { aggregates, commandIssuer, courseLog } from './adapters/log.ts';
import { type LiveModel, liveModel } from './adapters/model.ts';
import type { Engine } from './advance.ts';
import { newCourse } from './domain/course.ts';
import { describe } from './domain/migration.ts';
import { dueStep } from './domain/next.ts';
import { driver } from './drive.ts';
import { look } from './guard.ts';
import { archivePlan } from './handlers/archive-plan.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import { report } from './handlers/report.ts';
import { startPlan } from './handlers/start-plan.ts';
import { Bandwidth, withLimits } from './limits.ts';
import type { Commands } from './ports.ts';
import { Rates } from './rates.ts';
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
    present: () => ({ now: clock.now(), history: model.history(), releaseAfterMs: 600_000 }),
  };
  return { all, model, engine, snapshots, driver: driver(all, engine, model, snapshots) };
}
type Replica = ReturnType<typeof replica>;
const coursesOf = ({ model }: Replica, migration: string) => new Map([['vm-1', model.course(migration, 'vm-1')!]]);

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
const prepared = { pvcs: [], pod: 'pod', rehearse: false };
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

const document = (name: string, archive = {}): Plan =>
  planSchema.parse({
    ...{ apiVersion: 'tranship.dev/v1', kind: 'Plan', metadata: { name } },
    spec: {
      ...{ source: 'vc', target: { namespace: 'apps' }, vms: [{ name: 'web-01' }], archive },
      ...{ networkMap: { entries: [] }, storageMap: { entries: [] } },
    },
  });

/** A warm migration by a plan of its own that has come to its end, with change tracking left on. */
async function moved(one: Replica, name: string, provider: string): Promise<string> {
  const migration = `${name}-1`;
  await one.all.append('plan', [name], { type: 'plan.accepted', data: document(name) }, 0);
  const vms = [{ id: 'vm-1', name: 'web-01' }];
  const data = { plan: name, generation: 1, concurrency: 20, vms };
  await one.all.append('migration', [migration], { type: 'migration.started', data }, 0);
  const connection = { ...plan().connection, provider };
  let at = newCourse(migration, 'vm-1');
  const say = async (event: TranshipEvent) => {
    await one.engine.log.append(at, event);
    at = await one.engine.log.load(migration, 'vm-1');
  };
  await say({ type: 'vm.queued', data: { ...plan({ connection }), type: 'warm', start: false } });
  const now = new Date(clock.now()).toISOString();
  const point = { at: now, disks: [], foreign: [] };
  const pass: TranshipEvent[] = [
    { type: 'vm.pass-finished', data: { disks: [], seconds: 1 } },
    { type: 'vm.proved', data: { grade: 'standard', disks: [], seconds: 1 } },
  ];
  const events: TranshipEvent[] = [
    { type: 'vm.admitted', data: {} },
    { type: 'vm.prepared', data: prepared },
    { type: 'vm.pass-started', data: { pass: 1 } },
    { type: 'vm.snapshotted', data: { ...point, snapshot: 's', tracking: 'enabled', powerState: 'poweredOn' } },
    ...pass,
    { type: 'vm.snapshot-removed', data: { seconds: 1 } },
    { type: 'vm.cutover-due', data: { why: 'now' } },
    { type: 'vm.powered-off', data: { was: 'poweredOn', how: 'guest', at: now } },
    { type: 'vm.changes-found', data: point },
    ...pass,
    {
      type: 'vm.converted',
      data: { engine: 'none', reason: '', os: '', changes: [], nics: [], roots: [], seconds: 1 },
    },
    { type: 'vm.handed-over', data: { pvcs: [], seconds: 1 } },
    { type: 'vm.created', data: { name: 'web-01', uid: 'u' } },
    { type: 'vm.settled', data: { removed: [] } },
  ];
  for (const event of events) await say(event);
  await one.model.current();
  await one.driver.sweep();
  await one.model.current();
  expect(one.model.migration(migration)?.finished?.state).toBe('succeeded');
  return migration;
}

const archive = (one: Replica, name: string) => archivePlan(one.all, one.engine.log, one.model, one.driver, name);
const untracked = { snapshots: [], tracking: 'off' };

test('archive - a plan is archived once its sources are tidied, and then neither started, changed nor retried', async () => {
  const one = replica();
  const migration = await moved(one, 'shop', 'another');
  expect((await archive(one, 'shop')).status).toBeUndefined();
  await one.model.current();
  expect(one.model.migration(migration)?.finished).toBeUndefined();
  const { attempt } = await one.engine.log.load(migration, 'vm-1');
  expect(await inQueue(migration)).toContain(`${migration}/vm-1/tidySource/${attempt}`);
  // Asked again meanwhile it says the same, and asks for nothing twice.
  expect((await archive(one, 'shop')).status).toBeUndefined();
  await report(one.engine, answer(migration, 'tidySource', attempt, untracked));
  await one.driver.drive(one.model.migration(migration)!);
  await one.model.current();
  expect(one.model.migration(migration)?.finished?.state).toBe('succeeded');
  const stored = await archive(one, 'shop');
  expect(stored.status).toEqual({ archived: expect.any(String) });
  expect((await one.all.read('plan', 'shop')).events.filter(({ type }) => type === 'plan.archived')).toHaveLength(1);
  const query = async () => {
    throw new Error('nothing is asked');
  };
  const kit = { bus, clock, query } as unknown as Kit;
  const request = { name: 'shop', readyOnly: false };
  await expect(startPlan(one.all, one.engine.log, one.model, one.driver, kit, request)).rejects.toMatchObject({
    code: 'plan.archived',
  });
  const { putPlan } = planQueries(one.all, one.model, kit) as { putPlan: (plan: Plan) => Promise<Plan> };
  await expect(putPlan(document('shop', { after: '1h' }))).rejects.toMatchObject({ code: 'plan.archived' });
  const { actOnMigration } = migrationQueries(one.all, one.engine, one.driver, one.model, query as never) as {
    actOnMigration: (input: object) => Promise<unknown>;
  };
  await expect(actOnMigration({ name: migration, verb: 'retry', force: false })).rejects.toMatchObject({
    ...{ code: 'migration.state', detail: expect.stringContaining('archived') },
  });
});

test('archive - refused while a migration of the plan runs, or another moves one of its VMs', async () => {
  const one = replica();
  await moved(one, 'busy', 'vc');
  await queued(one, 'elsewhere-1');
  await one.model.current();
  await expect(archive(one, 'busy')).rejects.toMatchObject({ code: 'migration.active' });
  await expect(archive(one, 'nobody')).rejects.toMatchObject({ code: 'document.not-found' });
});

test('archive - a plan that was never started is archived at once', async () => {
  const one = replica();
  await one.all.append('plan', ['unused'], { type: 'plan.accepted', data: document('unused') }, 0);
  await one.model.current();
  expect((await archive(one, 'unused')).status).toEqual({ archived: expect.any(String) });
});

test('plan - one that keeps a copy is not deleted before it is archived', async () => {
  const one = replica();
  await one.all.append('plan', ['keeper'], { type: 'plan.accepted', data: document('keeper') }, 0);
  const data = { plan: 'keeper', generation: 1, concurrency: 20, vms: [{ id: 'vm-1', name: 'web-01' }] };
  const seq = await one.all.append('migration', ['keeper-1'], { type: 'migration.started', data }, 0);
  await one.all.append('migration', ['keeper-1'], { type: 'migration.finished', data: { state: 'failed' } }, seq);
  await one.model.current();
  const remove = (kept: boolean) => {
    const model = { ...one.model, course: () => ({ ...newCourse('keeper-1', 'vm-1'), kept }) };
    const { deletePlan } = planQueries(one.all, model, {} as Kit);
    return (deletePlan as (input: object) => Promise<unknown>)({ name: 'keeper' });
  };
  await expect(remove(true)).rejects.toMatchObject({ code: 'plan.keeps' });
  await remove(false);
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
  expect(after[vms.indexOf(first)]).toBe('IN');
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

test('planner - a copy is slowed while a datastore answers slowly, by what it is heard to read, and given back; who cannot say changes nothing', async () => {
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

test('planner - a source that is started beside its target is seen and told; what cannot be known just now changes nothing', async () => {
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
