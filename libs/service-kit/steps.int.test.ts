import { Bus } from '@tranship/bus';
import { commandId, type Envelope, envelope, type Report, stepExamples, subjects } from '@tranship/contracts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { NatsServer } from '../bus/testing/nats-server.ts';
import { createLogger, type Kit, type ServiceTable, type StepContext, systemClock } from './index.ts';
import { giveUp, runCommand } from './steps.ts';
import { FakeClock } from './testing.ts';

let server: NatsServer;
let bus: Bus;
let names = 0;
const stops: AbortController[] = [];

const open = () => Bus.open({ url: server.url, user: server.user, passwordFile: server.passwordFile, name: 'test' });
const kit = (of: Bus): Kit => ({
  ...{ bus: of, log: createLogger('test', 'silent'), clock: systemClock },
  query: (name, input) => of.query(name, input),
});

beforeAll(async () => {
  server = await NatsServer.start();
  bus = await open();
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});
afterAll(async () => {
  await bus?.close();
  await server?.remove();
});

/** A VM of its own: its commands, who works on them, and what the planner hears. */
function course() {
  const migration = `m${++names}`;
  const vm = 'vm-1';
  const stop = new AbortController();
  stops.push(stop);
  const ran: number[] = [];
  const reports: Report[] = [];
  let during = async (_: StepContext): Promise<unknown> => undefined;
  const table: ServiceTable = {
    steps: {
      checkOff: async (_, context) => {
        ran.push(context.ids.attempt);
        await during(context);
        return { powerState: 'poweredOff', at: new Date(0).toISOString() };
      },
    },
  };
  const work = (of: Bus, after: (message: Envelope) => Promise<void> = async () => {}) => {
    const filter = subjects.commandsOf('inventory', migration, vm);
    const handle = async (message: Envelope, subject: string, redelivered: boolean) => {
      await runCommand('inventory', table, kit(of), stop.signal, message, subject, redelivered);
      await after(message);
    };
    const options = { durable: migration, filter, concurrency: 1, ackWaitMs: 1_000 };
    return of.commands.consume(options, handle, async () => {}, stop.signal).catch(() => {});
  };
  const hear = async ({ data }: Envelope) => void reports.push(data as Report);
  const heard = { durable: `${migration}-reports`, filter: subjects.command('planner', 'report', migration, vm) };
  void bus.commands.consume({ ...heard, concurrency: 1 }, hear, async () => {}, stop.signal);
  const send = (attempt: number) => {
    const id = commandId(migration, vm, 'checkOff', attempt);
    const data = { migration, vm, provider: 'vc' };
    const parts = { id, source: 'test', type: 'tranship.cmd.inventory.checkOff', time: new Date(0), data };
    return bus.commands.send(subjects.command('inventory', 'checkOff', migration, vm), envelope(parts));
  };
  const handles = (work: typeof during) => {
    during = work;
  };
  return { migration, vm, ran, reports, work, send, handles };
}

test('steps - a worker that dies between its report and the acknowledgement: the next one does not run it again', async () => {
  const { ran, reports, work, send } = course();
  const dying = await open();
  const died = Promise.withResolvers<void>();
  void work(dying, async () => {
    await dying.close();
    died.resolve();
  });
  await send(1);
  await died.promise;
  const again = Promise.withResolvers<void>();
  void work(bus, async () => again.resolve());
  await again.promise;
  expect(ran).toEqual([1]);
  // The second report is the same message, so the server keeps one.
  expect(reports).toMatchObject([{ step: 'checkOff', attempt: 1, outcome: { ok: true } }]);
});

test('steps - what is known of a step outlives the window in which the server knows repeated messages', async () => {
  const { migration, vm, ran, reports, work, send } = course();
  const outcome = { ok: true, result: { powerState: 'poweredOff', at: new Date(0).toISOString() } } as const;
  await bus.outcomes.keep({ migration, vm, step: 'checkOff', attempt: 1 }, outcome);
  void work(bus);
  await send(1);
  await expect.poll(() => reports, { timeout: 10_000 }).toMatchObject([{ attempt: 1, outcome }]);
  expect(ran).toEqual([]);
});

test('steps - an attempt that comes after a later one of the same VM is dropped, and nobody is told', async () => {
  const { migration, vm, ran, reports, work, send } = course();
  await bus.outcomes.begin({ migration, vm, step: 'prepare', attempt: 2 });
  let handled = 0;
  void work(bus, async () => void handled++);
  await send(1);
  await expect.poll(() => handled, { timeout: 10_000 }).toBe(1);
  expect([ran, reports]).toEqual([[], []]);
  await send(2);
  await expect.poll(() => reports, { timeout: 10_000 }).toMatchObject([{ attempt: 2 }]);
  expect(ran).toEqual([2]);
});

test('steps - what runs is stopped when a later attempt of the VM begins, and nobody is told of its end', async () => {
  const { migration, vm, reports, work, send, handles } = course();
  const stopped = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  handles(({ signal, ids }) => {
    if (ids.attempt > 1) return Promise.resolve();
    begun.resolve();
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        stopped.resolve(String(signal.reason));
        reject(signal.reason);
      }),
    );
  });
  void work(bus);
  await send(1);
  await begun.promise;
  await bus.outcomes.begin({ migration, vm, step: 'removeSnapshot', attempt: 2 });
  expect(await stopped.promise).toContain('a later attempt has begun');
  await send(2);
  await expect.poll(() => reports, { timeout: 10_000 }).toMatchObject([{ attempt: 2, outcome: { ok: true } }]);
});

test('steps - a command that is given up is a step that failed, told once; what is no step is buried alone', async () => {
  const { migration, vm, ran, reports, work, send } = course();
  const subject = subjects.command('inventory', 'checkOff', migration, vm);
  const id = commandId(migration, vm, 'checkOff', 1);
  const text = JSON.stringify(envelope({ id, source: 'test', type: 'test', time: new Date(0), data: {} }));
  const reason = new Error('its worker died, again and again');
  await giveUp('inventory', kit(bus), subject, text, reason);
  await giveUp('inventory', kit(bus), subject, text, reason);
  await giveUp('inventory', kit(bus), subject, 'no message of ours', reason);
  await giveUp('planner', kit(bus), subjects.command('planner', 'report', migration, vm), text, reason);
  const error = { code: 'service.internal', detail: reason.message, retry: true };
  await expect.poll(() => reports, { timeout: 10_000 }).toMatchObject([{ attempt: 1, outcome: { ok: false, error } }]);
  // Whoever still has it in hand does not begin with it again.
  void work(bus);
  await send(1);
  await send(2);
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([2]);
  expect(reports.filter(({ attempt }) => attempt === 1)).toHaveLength(1);
});

test('steps - a copy that stands still is told as late, to be tried again, whatever its stop looked like from inside, with how far each disk had come', async () => {
  const { migration, vm, reports } = course();
  const clock = new FakeClock();
  const begun = Promise.withResolvers<StepContext>();
  const table: ServiceTable = {
    steps: {
      copy: (_, context) => {
        begun.resolve(context);
        return new Promise((_, reject) =>
          context.signal.addEventListener('abort', () => reject(new Error('the connection was lost'))),
        );
      },
    },
  };
  const id = commandId(migration, vm, 'copy', 1);
  const data = { ...stepExamples.copy.input, migration, vm };
  const message = envelope({ id, source: 'test', type: 'test', time: new Date(clock.now()), data });
  const subject = subjects.command('transfer', 'copy', migration, vm);
  const ran = runCommand(
    'transfer',
    table,
    { ...kit(bus), clock },
    new AbortController().signal,
    message,
    subject,
    false,
  );
  const { moved, signal, progress } = await begun.promise;
  const told = { step: 'copy', totalBytes: 100, bytesPerSecond: 1, etaSeconds: null, basis: 'rate' } as const;
  for (const [disk, doneBytes] of [
    [0, 10],
    [1, 70],
    [0, 30],
    [1, 60],
  ] as const)
    progress({ ...told, disk, doneBytes });
  await clock.advance(14 * 60_000);
  moved();
  await clock.advance(14 * 60_000);
  expect(signal.aborted).toBe(false);
  await clock.advance(60_000);
  await ran;
  const reached = [30, 70].map((doneBytes, disk) => ({ disk, doneBytes }));
  const error = { code: 'step.late', detail: 'copy: no byte moved for 15 min', retry: true };
  await expect
    .poll(() => reports, { timeout: 10_000 })
    .toMatchObject([{ step: 'copy', outcome: { ok: false, error, reached } }]);
});
