import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { envelope, type Progress, subjects, TranshipError } from '@tranship/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bus, BusConflict, type ConsumeOptions, type StoredEvent, workbenchConsumer } from './index.ts';
import { NatsServer } from './testing/nats-server.ts';

let server: NatsServer;
let bus: Bus;
let names = 0;
const stops: AbortController[] = [];
const context = { source: 'test', time: new Date('2026-01-01T00:00:00Z') };
const admitted = { type: 'vm.admitted', data: {} } as const;
const cancelled = { type: 'vm.cancelled', data: {} } as const;

const open = (name = 'test') =>
  Bus.open({ url: server.url, user: server.user, passwordFile: server.passwordFile, name });
/** A subject that no other test writes to. */
const fresh = (...more: string[]) => subjects.event('vm', `m${++names}`, ...more);
const stop = () => {
  const control = new AbortController();
  stops.push(control);
  return control;
};
async function until(what: string, ask: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!ask()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

beforeAll(async () => {
  server = await NatsServer.start();
  bus = await open();
});
afterEach(() => {
  for (const control of stops.splice(0)) control.abort();
});
afterAll(async () => {
  await bus?.close();
  await server?.remove();
});

describe('event log', () => {
  it('append - gives the place of the last event; a wrong expectation is a conflict, and nothing is written', async () => {
    const subject = fresh('a');
    expect(await bus.events.readSubject(subject)).toEqual({ events: [], seq: 0 });
    const seq = await bus.events.append(subject, [admitted, cancelled], 0, context);
    const read = await bus.events.readSubject(subject);
    expect(read.seq).toBe(seq);
    expect(read.events.map(({ type }) => type)).toEqual(['vm.admitted', 'vm.cancelled']);
    await expect(bus.events.append(subject, [admitted], 0, context)).rejects.toBeInstanceOf(BusConflict);
    expect((await bus.events.readSubject(subject)).seq).toBe(seq);
  });

  it('append - of many writers at once exactly one wins each place, also with the same event', async () => {
    const subject = fresh('race');
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => bus.events.append(subject, [admitted], 0, context)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await bus.events.readSubject(subject)).events).toHaveLength(1);
  });

  it('read - an aggregate of more events than one batch comes whole and in order', async () => {
    const subject = fresh('long');
    let last = 0;
    for (let i = 0; i < 1_100; i++) last = await bus.events.append(subject, [admitted], last, context);
    const { events, seq } = await bus.events.readSubject(subject);
    expect(events).toHaveLength(1_100);
    expect(seq).toBe(last);
    expect(events.every(({ seq: at }, i) => i === 0 || at > events[i - 1]!.seq)).toBe(true);
  });

  it('follow - the past in order, then what comes; caught-up is told once, also of an empty past', async () => {
    const migration = `m${++names}`;
    const subject = subjects.event('vm', migration, 'a');
    await bus.events.append(subject, [admitted], 0, context);
    const seen: StoredEvent[] = [];
    let caughtUp = 0;
    const control = stop();
    const filter = `${subjects.event('vm', migration)}.>`;
    const following = bus.events.follow(
      filter,
      1,
      (event) => void seen.push(event),
      control.signal,
      () => caughtUp++,
    );
    await until('the past', () => caughtUp === 1);
    expect(seen).toHaveLength(1);
    await bus.events.append(subjects.event('vm', migration, 'b'), [cancelled], 0, context);
    await until('the new one', () => seen.length === 2);
    expect(seen[1]).toMatchObject({ type: 'vm.cancelled', subject: subjects.event('vm', migration, 'b') });
    control.abort();
    await following;
    expect(caughtUp).toBe(1);
  });

  it('follow - ends when caught-up itself aborts it, on an empty past', async () => {
    const control = stop();
    const none = fresh('none');
    await bus.events.follow(
      none,
      1,
      () => {},
      control.signal,
      () => control.abort(),
    );
  });

  it('follow - from a place on; a handler that throws ends it', async () => {
    const subject = fresh('from');
    const first = await bus.events.append(subject, [admitted], 0, context);
    await bus.events.append(subject, [cancelled], first, context);
    const fail = (event: StoredEvent) => {
      throw new Error(event.type);
    };
    await expect(bus.events.follow(subject, first + 1, fail, stop().signal)).rejects.toThrow('vm.cancelled');
  });
});

describe('command queue', () => {
  const bury = (subject: string, message: string, error: unknown) => bus.bury(subject, message, error);
  const noGrave = async () => {};

  /** A queue of its own: a command, and what consumes it. */
  function queue() {
    const migration = `c${++names}`;
    const subject = subjects.command('transfer', 'copy', migration, 'vm-1');
    const filter = subjects.commandsOf('transfer', migration, 'vm-1');
    const options: ConsumeOptions = { durable: `d${names}`, filter, concurrency: 1, ackWaitMs: 1_000 };
    const send = (id = `${migration}/vm-1/copy/1`) =>
      bus.commands.send(subject, envelope({ id, source: 'test', type: 'test', time: context.time, data: { id } }));
    return { subject, options, send, id: `${migration}/vm-1/copy/1` };
  }

  it('commands - done once; the same id within the window is one; pending until it is done', async () => {
    const { subject, options, send, id } = queue();
    await send();
    await send();
    expect(await bus.commands.pending(subject, id)).toBe(true);
    const seen: string[] = [];
    const control = stop();
    const consuming = bus.commands.consume(options, async (m) => void seen.push(m.id), noGrave, control.signal);
    await until('it is done', () => seen.length === 1);
    await sleep(200);
    expect(await bus.commands.pending(subject, id)).toBe(false);
    control.abort();
    await consuming;
    expect(seen).toEqual([id]);
  });

  it('commands - a dead worker’s command goes to another; one that says it works is left alone', async () => {
    const { options, send } = queue();
    const dying = await open('dying');
    let taken = 0;
    void dying.commands.consume(options, () => new Promise(() => taken++), noGrave, stop().signal).catch(() => {});
    await send();
    await until('the first takes it', () => taken === 1);
    const done: number[] = [];
    const began = Date.now();
    const work = async () => void done.push(Date.now() - began);
    void bus.commands.consume(options, work, noGrave, stop().signal);
    // Three times the wait: its signs of life hold it.
    await sleep(3_000);
    expect(done).toEqual([]);
    await dying.close();
    await until('the second takes it', () => done.length === 1, 10_000);
    expect(taken).toBe(1);
  });

  it('commands - who is busy takes no more: a free replica gets them', async () => {
    const { options, send } = queue();
    const other = await open('other');
    const release = Promise.withResolvers<void>();
    const taken = { busy: 0, free: 0 };
    const busy = async () => {
      taken.busy += 1;
      await release.promise;
    };
    const control = stop();
    const both = [bus.commands.consume(options, busy, noGrave, control.signal)];
    await send('a/b/copy/1');
    await until('the first is busy', () => taken.busy === 1);
    both.push(other.commands.consume(options, async () => void taken.free++, noGrave, control.signal));
    for (let i = 2; i < 12; i++) await send(`a/b/copy/${i}`);
    await until('the others are done', () => taken.free === 10, 5_000);
    expect(taken.busy).toBe(1);
    release.resolve();
    control.abort();
    await Promise.all(both);
    await other.close();
  });

  it('commands - a failed one is tried again; after the last try it is buried with the reason', async () => {
    const { subject, options, send, id } = queue();
    let tries = 0;
    const fail = async () => {
      throw new TranshipError('transfer.read', `try ${++tries}`);
    };
    void bus.commands.consume({ ...options, tries: 2 }, fail, bury, stop().signal);
    await send();
    await until('the second try', () => tries === 2);
    await sleep(300);
    expect(await bus.commands.pending(subject, id)).toBe(false);
    const raw = await connect({ servers: server.url, user: server.user, pass: 'secret' });
    const grave = subject.replace('.cmd.', '.dead.');
    const reply = await raw.request('$JS.API.STREAM.MSG.GET.DEAD', JSON.stringify({ last_by_subj: grave }));
    const text = Buffer.from(reply.json<{ message: { data: string } }>().message.data, 'base64').toString();
    const buried = JSON.parse(text) as { message: string; problem: object };
    expect(buried.problem).toMatchObject({ code: 'transfer.read', detail: 'try 2' });
    expect(JSON.parse(buried.message)).toMatchObject({ id });
    await raw.close();
  });

  it('commands - one that kills each worker that takes it is buried, not lost', async () => {
    const { subject, options, send, id } = queue();
    let taken = 0;
    const buried: unknown[] = [];
    const grave = async (_: string, __: string, error: unknown) => void buried.push(error);
    await send();
    for (let i = 1; i <= 2; i++) {
      const dying = await open('dying');
      void dying.commands.consume({ ...options, tries: 2 }, () => new Promise(() => taken++), grave, stop().signal);
      await until(`worker ${i} takes it`, () => taken === i);
      await dying.close();
    }
    void bus.commands.consume({ ...options, tries: 2 }, async () => void taken++, grave, stop().signal);
    await until('it is given up', () => buried.length === 1);
    expect(taken).toBe(2);
    await sleep(300);
    expect(await bus.commands.pending(subject, id)).toBe(false);
  });

  it('commands - a consumer that exists already with other settings is brought up to date', async () => {
    const { options, send } = queue();
    const first = stop();
    const one = bus.commands.consume(options, async () => {}, noGrave, first.signal);
    await sleep(200);
    first.abort();
    await one;
    let done = 0;
    const changed = { ...options, ackWaitMs: 5_000, inactiveMs: 60_000 };
    void bus.commands.consume(changed, async () => void done++, noGrave, stop().signal);
    await send();
    await until('it is done', () => done === 1);
  });
});

describe('a workbench that is gone', () => {
  it('purge - its waiting commands and its consumer go, those of other VMs and services stay; once more is fine', async () => {
    const migration = `p${++names}.dotted`;
    const send = (service: 'transfer' | 'converter', vm: string) => {
      const id = `${migration}/${vm}/${service}/1`;
      const parts = { id, source: 'test', type: 'test', time: context.time, data: {} };
      return bus.commands.send(subjects.command(service, 'copy', migration, vm), envelope(parts));
    };
    const control = stop();
    const durable = workbenchConsumer('transfer', migration, 'vm-1');
    const options = { durable, filter: subjects.commandsOf('transfer', migration, 'vm-1'), concurrency: 1 };
    const release = Promise.withResolvers<void>();
    let taken = 0;
    const hang = async () => {
      taken += 1;
      await release.promise;
    };
    const consuming = bus.commands.consume(options, hang, async () => {}, control.signal);
    await send('transfer', 'vm-1');
    await until('it is taken', () => taken === 1);
    await send('converter', 'vm-1');
    await send('transfer', 'vm-2');
    control.abort();
    release.resolve();
    await consuming;
    await bus.commands.purge('transfer', migration, 'vm-1');
    await bus.commands.purge('transfer', migration, 'vm-1');
    const left = (service: 'transfer' | 'converter', vm: string) =>
      bus.commands.pending(subjects.command(service, 'copy', migration, vm), `${migration}/${vm}/${service}/1`);
    expect(await Promise.all([left('transfer', 'vm-1'), left('converter', 'vm-1'), left('transfer', 'vm-2')])).toEqual([
      false,
      true,
      true,
    ]);
    const raw = await connect({ servers: server.url, user: server.user, pass: 'secret' });
    const info = await raw.request(`$JS.API.CONSUMER.INFO.COMMANDS.${durable}`, '');
    expect(info.json()).toMatchObject({ error: { code: 404 } });
    await raw.close();
  });

  it('purge - a command that nobody took yet goes', async () => {
    const migration = `p${++names}`;
    const subject = subjects.command('transfer', 'copy', migration, 'vm-1');
    const id = `${migration}/vm-1/copy/1`;
    await bus.commands.send(subject, envelope({ id, source: 'test', type: 'test', time: context.time, data: {} }));
    expect(await bus.commands.pending(subject, id)).toBe(true);
    await bus.commands.purge('transfer', migration, 'vm-1');
    expect(await bus.commands.pending(subject, id)).toBe(false);
  });
});

describe('queries and progress', () => {
  it('query - answered by the service; its errors come as they are; an unanswered one is service.unavailable', async () => {
    const control = stop();
    const plan = { items: [] };
    bus.serve('listPlans', async () => plan, control.signal);
    bus.serve(
      'getPlan',
      async ({ name }) => {
        throw new TranshipError('document.not-found', `there is no plan ${name}`);
      },
      control.signal,
    );
    const asker = await open('asker');
    expect(await asker.query('listPlans', {})).toEqual(plan);
    await expect(asker.query('getPlan', { name: 'x' })).rejects.toMatchObject({
      code: 'document.not-found',
      detail: 'there is no plan x',
    });
    await expect(asker.query('getProvider', { name: 'x' })).rejects.toMatchObject({
      code: 'service.unavailable',
      detail: 'inventory is not running',
    });
    await asker.close();
  });

  it('query - an answer too large to send is an error, not the end of the service', async () => {
    const item = { seq: 1, time: '', type: '', data: 'x'.repeat(2 * 1024 * 1024) };
    bus.serve('timeline', async () => ({ items: [item] }), stop().signal);
    await expect(bus.query('timeline', { name: 'm' })).rejects.toMatchObject({
      code: 'service.internal',
      detail: expect.stringContaining('cannot be sent'),
    });
  });

  it('progress - comes to those who listen', async () => {
    const seen: Progress[] = [];
    bus.onProgress('tranship.v1.prg.>', (value) => void seen.push(value), stop().signal);
    const listener = await open('listener');
    const value = { migration: 'p1', vm: 'a', disk: 0, step: 'copy', doneBytes: 1, totalBytes: 2 } as const;
    await sleep(100);
    listener.progress({ ...value, bytesPerSecond: 1, etaSeconds: null, basis: 'unknown' });
    await until('it comes', () => seen.length === 1);
    await listener.close();
  });
});

const owner = { migration: 'm1', vm: 'vm-1' };
describe('objects', () => {
  it('objects - of one owner all go but those that are named, to their last trace; others’ stay', async () => {
    const [one, two] = [
      { migration: 'gone', vm: 'vm-1' },
      { migration: 'gone', vm: 'vm-11' },
    ];
    const large = randomBytes(300 * 1024);
    const names = await Promise.all(['a', 'b', large].map((data) => bus.objects.put(data, one)));
    const theirs = await bus.objects.put('a', two);
    expect(await bus.objects.prune(one, new Set([names[1]!]))).toHaveLength(2);
    for (const name of [names[0]!, names[2]!])
      await expect(bus.objects.get(name)).rejects.toMatchObject({ code: 'document.not-found' });
    expect(Buffer.from(await bus.objects.get(names[1]!)).toString()).toBe('b');
    expect(Buffer.from(await bus.objects.get(theirs)).toString()).toBe('a');
    expect(await bus.objects.prune(one)).toEqual([names[1]]);
    expect(await bus.objects.prune(one)).toEqual([]);
    // What is put again is there again.
    expect(await bus.objects.put('a', one)).toBe(names[0]);
    expect(Buffer.from(await bus.objects.get(names[0]!)).toString()).toBe('a');
  });

  it('objects - come back as they were, named by their digest; the same is kept once, also of many at once', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 7);
    const name = `m1/vm-1/${createHash('sha256').update(bytes).digest('hex')}`;
    const other = await open('other');
    const three = await Promise.all([bus, other, bus].map(({ objects }) => objects.put(bytes, owner)));
    expect(three).toEqual([name, name, name]);
    expect(await bus.objects.put(bytes, owner)).toBe(name);
    expect(bytes.equals(await other.objects.get(name))).toBe(true);
    const text = '[[0,65536]]';
    expect(Buffer.from(await other.objects.get(await bus.objects.put(text, owner))).toString()).toBe(text);
    expect(await bus.objects.get(await bus.objects.put('', owner))).toHaveLength(0);
    await other.close();
  });

  it('objects - one that is not there is told as such', async () => {
    await expect(bus.objects.get('a'.repeat(64))).rejects.toMatchObject({ code: 'document.not-found' });
  });
});

describe('nats-server restarted in the middle', () => {
  it('restart - followers, consumers and queries go on; nothing is lost or doubled; the password may change', async () => {
    const migration = `r${++names}`;
    const subject = subjects.event('vm', migration, 'a');
    const control = stop();
    const seen: number[] = [];
    const following = bus.events.follow(subject, 1, ({ seq }) => void seen.push(seq), control.signal);
    const done: string[] = [];
    const command = subjects.command('transfer', 'copy', migration, 'vm-1');
    const send = (id: string) =>
      bus.commands.send(command, envelope({ id, source: 'test', type: 'test', time: context.time, data: {} }));
    const options = { durable: migration, filter: command, concurrency: 4 };
    const handler = async ({ id }: { id: string }) => void done.push(id);
    const consuming = bus.commands.consume(options, handler, async () => {}, control.signal);
    bus.serve('listProviders', async () => ({ items: [] }), control.signal);
    const first = await bus.events.append(subject, [admitted], 0, context);
    await send('x/y/copy/1');
    await until('before', () => seen.length === 1 && done.length === 1);

    await server.down();
    await until('it is noticed', () => !bus.connected);
    await expect(bus.query('listProviders', {})).rejects.toMatchObject({ code: 'service.unavailable' });
    await server.up('changed');
    await until('it is back', () => bus.connected);

    expect(await bus.query('listProviders', {})).toEqual({ items: [] });
    const second = await bus.events.append(subject, [cancelled], first, context);
    await send('x/y/copy/2');
    const began = Date.now();
    await until('after', () => seen.length === 2 && done.length === 2);
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(seen).toEqual([first, second]);
    expect(done).toEqual(['x/y/copy/1', 'x/y/copy/2']);
    control.abort();
    await Promise.all([following, consuming]);
  });

  it('restart - a call while it is away fails by its deadline; a close then does not hang', {
    timeout: 40_000,
  }, async () => {
    const other = await open('closing');
    await server.down();
    await until('it is noticed', () => !other.connected);
    const began = Date.now();
    const calls = [other.events.readSubject(fresh('a')), other.objects.put('away', owner)];
    for (const each of await Promise.allSettled<unknown>(calls))
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'service.unavailable' } });
    await other.close();
    expect(Date.now() - began).toBeLessThan(15_000);
    await server.up('changed');
    await until('it is back', () => bus.connected);
  });
});
