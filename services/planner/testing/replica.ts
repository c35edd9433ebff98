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
import { FakeClock } from '@tranship/service-kit/testing';
import { afterAll, beforeAll } from 'vitest';
import { NatsServer } from '../../../libs/bus/testing/nats-server.ts';
import type { Engine } from '../acts/advance.ts';
import { driver } from '../acts/drive.ts';
import { Snapshots } from '../acts/snapshots.ts';
import { Soon } from '../acts/soon.ts';
import { aggregates, commandIssuer, courseLog } from '../adapters/log.ts';
import { type LiveModel, liveModel } from '../adapters/model.ts';
import { newCourse } from '../domain/course.ts';
import { report } from '../handlers/report.ts';
import type { Aggregates, Commands } from '../ports.ts';
import { plan } from './course.ts';

/** For a test file that imports it: a NATS of its own, and replicas of the planner on it. */
let server: NatsServer;
export let bus: Bus;
const stop = new AbortController();
export const clock = new FakeClock();

export const openBus = (name: string): Promise<Bus> =>
  Bus.open({ url: server.url, user: server.user, passwordFile: server.passwordFile, name });

beforeAll(async () => {
  // Nothing here outlives its server: what is written need not be on the disk.
  server = await NatsServer.start({ jetstream: { sync_interval: '2m' } });
  bus = await openBus('test');
});
afterAll(async () => {
  stop.abort();
  await bus?.close();
  await server?.remove();
});

/** One replica of the planner, as it stands on the log; `through`: how it reaches that. */
export function replica(
  commands: Commands = commandIssuer(bus, clock),
  through: (all: Aggregates) => Aggregates = (all) => all,
) {
  const all = through(aggregates(bus, clock));
  const model: LiveModel = liveModel(bus);
  void model.follow(stop.signal);
  const snapshots = new Snapshots(all, model);
  const engine: Engine = {
    ...{ log: courseLog(all), commands, snapshots },
    present: () => ({ now: clock.now(), history: model.history(), releaseAfterMs: 600_000 }),
  };
  return { all, model, engine, snapshots, driver: driver(all, engine, model, snapshots), soon: new Soon() };
}
export type Replica = ReturnType<typeof replica>;
/** Moves on what was to be moved on once the answer was given. */
export const answered = ({ soon, driver }: Replica) => soon.turn(driver.drive);
export const coursesOf = ({ model }: Replica, migration: string) =>
  new Map([['vm-1', model.course(migration, 'vm-1')!]]);

/** Each from a provider of its own: a VM is moved by one migration at a time. */
export async function queued({ all, engine }: Replica, migration: string, over: Parameters<typeof plan>[0] = {}) {
  const started = { plan: 'p', generation: 1, concurrency: 20, vms: [{ id: 'vm-1', name: 'web-01' }] };
  const connection = { ...plan().connection, provider: `of-${migration}` };
  await engine.log.append(newCourse(migration, 'vm-1'), { type: 'vm.queued', data: plan({ connection, ...over }) });
  await all.append('migration', [migration], { type: 'migration.started', data: started }, 0);
}

export function answer(migration: string, step: StepName, attempt: number, result: unknown, vm = 'vm-1'): Envelope {
  const data: Report = { migration, vm, step, attempt, outcome: { ok: true, result } };
  const time = new Date(clock.now());
  return envelope({ id: 'r', source: 'test', type: 'tranship.cmd.planner.report', time, data });
}
export function failed(migration: string, step: StepName, attempt: number, code: ErrorCode, vm = 'vm-1'): Envelope {
  const outcome: Report['outcome'] = { ok: false, error: new TranshipError(code, 'disk 0 differs').toProblem() };
  const message = answer(migration, step, attempt, undefined, vm);
  return { ...message, data: { ...(message.data as Report), outcome } };
}
export const prepared = { pvcs: [], pod: 'pod', rehearse: false };
export const types = async ({ all }: Replica, migration: string, vm = 'vm-1') =>
  (await all.read('vm', migration, vm)).events.map(({ type }) => type);

/** The ids of the commands that stand in the queue for this VM, in order; taking them empties it. */
export async function inQueue(migration: string): Promise<string[]> {
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

/** The answers of a cold course up to its copy. */
export async function toCopy(engine: Engine, migration: string): Promise<void> {
  const point = { at: new Date(clock.now()).toISOString(), disks: [], foreign: [] };
  const off = { was: 'poweredOn', how: 'guest', at: point.at };
  for (const [step, result] of [
    ['prepare', prepared],
    ['powerOff', off],
    ['findChanges', point],
  ] as const)
    await report(engine, answer(migration, step, 1, result));
}
