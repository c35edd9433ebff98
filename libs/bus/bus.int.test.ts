import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { envelope, type Progress, subjects, TranshipError } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { BusConflict, type StoredEvent } from './index.ts';
import {
  admitted,
  bus,
  cancelled,
  context,
  fresh,
  freshName,
  open,
  server,
  stop,
  until,
  withServer,
} from './testing/site.ts';

withServer();

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
    const migration = freshName();
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
    const migration = freshName();
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
