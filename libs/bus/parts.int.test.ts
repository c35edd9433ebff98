import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { mostBytes, partBytes, subjects } from '@tranship/contracts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Bus } from './index.ts';
import { ask } from './parts.ts';
import { bus, open, server, stop, withServer } from './testing/site.ts';

const MiB = 1024 * 1024;
withServer();

let raw: NatsConnection;
const others: Bus[] = [];
beforeEach(async () => {
  raw = await connect({ servers: server.url, user: server.user, pass: 'secret' });
});
afterEach(async () => {
  await Promise.all([raw.close(), ...others.splice(0).map((other) => other.close())]);
});

const replica = async () => {
  const other = await open('replica');
  others.push(other);
  return other;
};
/** A story of `bytes` that says who told it. */
const story = (who: string, bytes: number) => ({
  items: [{ seq: 1, time: '', type: who, data: who.repeat(bytes / who.length) }],
});
const told =
  (bytes: number, who = 'a') =>
  async () =>
    story(who, bytes);
const certificate = (pem: string) => async () => ({ pem, thumbprint: '', sha256: '' });
/** All that goes to inboxes, as a bystander sees it. */
function answers(): Msg[] {
  const seen: Msg[] = [];
  raw.subscribe('_INBOX.>', { callback: (_, message) => void seen.push(message) });
  return seen;
}
const wire = () => ({ nc: raw, inbox: () => '_INBOX.test' });

it('parts - a small answer is one message, as it ever was', async () => {
  bus.serve('timeline', told(1_000), stop().signal);
  const seen = answers();
  await raw.flush();
  await bus.query('timeline', { name: 'm' });
  await raw.flush();
  expect(seen.map((message) => message.string())).toEqual([JSON.stringify({ ok: true, data: story('a', 1_000) })]);
  expect(seen[0]).toMatchObject({ headers: undefined, reply: '' });
});

it('parts - an answer of 20 MiB comes whole, in messages that are bounded', async () => {
  // Of two bytes each, so that parts end within letters.
  const pem = 'é§'.repeat(5 * MiB);
  bus.serve('fetchCa', certificate(pem), stop().signal);
  const seen = answers();
  await raw.flush();
  expect((await bus.query('fetchCa', { url: '' })).pem === pem).toBe(true);
  await raw.flush();
  const sizes = seen.map(({ data }) => data.length).sort((a, b) => b - a);
  expect(sizes.slice(0, 41)).toEqual([...Array.from({ length: 40 }, () => partBytes), expect.any(Number)]);
  expect(sizes[40]).toBeLessThan(partBytes);
});

it('parts - of many large answers at once none is lost, and the connection stays', async () => {
  const pem = 'x'.repeat(10 * MiB);
  bus.serve('fetchCa', certificate(pem), stop().signal);
  const asker = await replica();
  const all = await Promise.all(Array.from({ length: 8 }, () => asker.query('fetchCa', { url: '' })));
  expect(all.every((each) => each.pem === pem)).toBe(true);
  expect([bus.connected, asker.connected]).toEqual([true, true]);
}, 60_000);

it('parts - a question over several messages comes to one replica, whole; each answer is that replica’s own', async () => {
  const vms = Array.from({ length: 60_000 }, (_, i) => `virtual-machine-${i}`);
  const [one, two] = [await replica(), await replica()];
  const asked: string[] = [];
  for (const [datastore, service] of Object.entries({ one, two }))
    service.serve(
      'room',
      async (input) => {
        asked.push(datastore);
        return { rooms: input.vms.map((vm) => ({ vm, datastore, freeBytes: 1, needBytes: 2 })) };
      },
      stop().signal,
    );
  await Promise.all([one.settled(), two.settled()]);
  const questions = Array.from({ length: 4 }, () => bus.query('room', { provider: 'vc', vms }));
  for (const { rooms } of await Promise.all(questions)) {
    expect(rooms.every(({ vm }, i) => vm === vms[i]) && rooms.length === vms.length).toBe(true);
    expect(new Set(rooms.map(({ datastore }) => datastore)).size).toBe(1);
  }
  expect(asked).toHaveLength(4);
}, 60_000);

it('parts - an answer or a question over the bound is told as such, and the service goes on', async () => {
  const sizes = [mostBytes, 10];
  bus.serve('timeline', async () => story('a', sizes.shift()!), stop().signal);
  await expect(bus.query('timeline', { name: 'm' })).rejects.toMatchObject({ code: 'service.too-large' });
  expect(await bus.query('timeline', { name: 'm' })).toEqual(story('a', 10));
  await expect(bus.query('timeline', { name: 'm'.repeat(mostBytes) })).rejects.toMatchObject({
    code: 'service.too-large',
  });
});

it('parts - one that does not come ends in the deadline; one of another answer, or a service that ended, in an error', async () => {
  const parts: Msg[] = [];
  bus.serve('timeline', told(2 * MiB), stop().signal);
  const first = await raw.request(subjects.query('planner', 'timeline'), '{"name":"m"}');
  const marks = first.headers!;
  const pretend = async (name: string, more: (asked: Msg) => void) => {
    const others = `parts.of.${name}`;
    raw.subscribe(others, { callback: (_, asked) => more(asked) });
    raw.subscribe(name, {
      callback: (_, asked) => void asked.respond(first.data, { headers: marks, reply: others }),
    });
    await raw.flush(); // the server knows of both
    return ask(wire(), name, '{}', 2_000);
  };
  await expect(pretend('silent', (asked) => void parts.push(asked))).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(parts).toHaveLength(1);
  await expect(pretend('foreign', (asked) => void asked.respond(first.data))).rejects.toMatchObject({
    code: 'service.unavailable',
    detail: 'a message did not come whole',
  });
  raw.subscribe('ended', {
    callback: (_, asked) => void asked.respond(first.data, { headers: marks, reply: 'nobody' }),
  });
  await raw.flush();
  await expect(ask(wire(), 'ended', '{}', 2_000)).rejects.toMatchObject({ name: 'RequestError' });
});
