import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bus, type Time } from './index.ts';
import { NatsServer } from './testing/nats-server.ts';

let server: NatsServer;
const buses: Bus[] = [];
const ttlMs = 30_000;

/** A clock that is moved by hand; sleeps are polled against it. */
class Hand implements Time {
  at = 0;
  now = () => this.at;
  sleep = async (ms: number, signal?: AbortSignal) => {
    for (const end = this.at + ms; this.at < end; ) {
      signal?.throwIfAborted();
      await sleep(2);
    }
  };
}

async function replica(clock?: Time): Promise<Bus> {
  const { url, user, passwordFile } = server;
  const bus = await Bus.open({ url, user, passwordFile, name: 'test', ...(clock ? { clock } : {}) });
  buses.push(bus);
  return bus;
}

beforeAll(async () => {
  server = await NatsServer.start();
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});
afterAll(() => server?.remove());

test('lease - one holder at a time; what is released is free at once, and the token grows', async () => {
  const [one, two] = [await replica(), await replica()];
  const first = await one.leases.acquire('a', ttlMs);
  expect(await two.leases.acquire('a', ttlMs)).toBeUndefined();
  expect(await two.leases.acquire('b', ttlMs)).toBeDefined();
  expect(await first?.renew()).toBe(true);
  await first?.release();
  const second = await two.leases.acquire('a', ttlMs);
  expect(second!.token).toBeGreaterThan(first!.token);
  expect(await first?.renew()).toBe(false);
});

test('lease - of many that claim it at once one has it', async () => {
  const all = await Promise.all([replica(), replica(), replica(), replica()]);
  const claims = await Promise.all(all.map(({ leases }) => leases.acquire('race', ttlMs)));
  expect(claims.filter((lease) => lease !== undefined)).toHaveLength(1);
});

test('lease - taken over when it was not renewed for its time, whatever the clocks say; the old holder hears of it', async () => {
  const clock = new Hand();
  const [one, two] = [await replica(), await replica(clock)];
  const first = await one.leases.acquire('c', ttlMs);
  // Far apart: only what passes while the claimant looks on counts.
  clock.at = 10 ** 12;
  expect(await two.leases.acquire('c', ttlMs)).toBeUndefined();
  clock.at += ttlMs - 1;
  expect(await two.leases.acquire('c', ttlMs)).toBeUndefined();
  await first?.renew();
  clock.at += 1;
  expect(await two.leases.acquire('c', ttlMs)).toBeUndefined();
  clock.at += ttlMs;
  const second = await two.leases.acquire('c', ttlMs);
  expect(second!.token).toBeGreaterThan(first!.token);
  expect(await first?.renew()).toBe(false);
});

test('lease - held: its holder works while it renews; when it is gone another goes on, never both', async () => {
  const [one, two] = [await replica(), await replica()];
  const stop = [new AbortController(), new AbortController()] as const;
  const working = [false, false];
  const tokens: number[] = [];
  let both = false;
  const work = (i: 0 | 1) => async (signal: AbortSignal, token: number) => {
    working[i] = true;
    tokens.push(token);
    both ||= working.every(Boolean);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    working[i] = false;
  };
  const first = one.leases.hold('d', 600, work(0), stop[0].signal);
  await expect.poll(() => working[0]).toBe(true);
  const second = two.leases.hold('d', 600, work(1), stop[1].signal);
  await sleep(1_500);
  expect(working).toEqual([true, false]);
  // Its connection is lost, so it cannot renew: it ends before the other begins.
  await one.close();
  await expect.poll(() => working[1], { timeout: 10_000 }).toBe(true);
  expect(both).toBe(false);
  expect(tokens[1]).toBeGreaterThan(tokens[0]!);
  for (const each of stop) each.abort();
  await Promise.all([first, second]);
});
