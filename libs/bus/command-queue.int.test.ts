import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { envelope, subjects, TranshipError } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { type ConsumeOptions, workbenchConsumer } from './index.ts';
import { bus, context, freshName, open, server, stop, until, withServer } from './testing/site.ts';

withServer();

describe('command queue', () => {
  const bury = (subject: string, message: string, error: unknown) => bus.bury(subject, message, error);
  const noGrave = async () => {};

  /** A queue of its own: a command, and what consumes it. */
  function queue() {
    const migration = freshName();
    const subject = subjects.command('transfer', 'copy', migration, 'vm-1');
    const filter = subjects.commandsOf('transfer', migration, 'vm-1');
    const options: ConsumeOptions = { durable: freshName(), filter, concurrency: 1, ackWaitMs: 1_000 };
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
    const migration = `p${freshName()}.dotted`;
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
    const migration = freshName();
    const subject = subjects.command('transfer', 'copy', migration, 'vm-1');
    const id = `${migration}/vm-1/copy/1`;
    await bus.commands.send(subject, envelope({ id, source: 'test', type: 'test', time: context.time, data: {} }));
    expect(await bus.commands.pending(subject, id)).toBe(true);
    await bus.commands.purge('transfer', migration, 'vm-1');
    expect(await bus.commands.pending(subject, id)).toBe(false);
  });
});
