import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { streams } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureStreams } from './streams.ts';
import { freePort, NatsServer } from './testing/nats-server.ts';

let servers: NatsServer[] = [];

beforeAll(async () => {
  const routes = await Promise.all([freePort(), freePort(), freePort()]);
  const cluster = (port: number) => ({
    cluster: { name: 'c', listen: `127.0.0.1:${port}`, routes: routes.map((each) => `nats://127.0.0.1:${each}`) },
  });
  servers = await Promise.all(
    routes.map((port, i) => NatsServer.start({ server_name: `n${i}`, authorization: {}, ...cluster(port) })),
  );
});
afterAll(() => Promise.all(servers.map((server) => server.remove())));

test('streams - replicas are as set, never fewer than there are', async () => {
  const nc = await connect({ servers: servers.map(({ url }) => url) });
  // The three choose their leader first.
  await expect.poll(() => jetstreamManager(nc).then(Boolean, () => false), { timeout: 30_000 }).toBe(true);
  const manager = await jetstreamManager(nc, { timeout: 20_000 });
  const replicas = async () => (await manager.streams.info(streams.events)).config.num_replicas;
  await ensureStreams(manager, 1);
  expect(await replicas()).toBe(1);
  await ensureStreams(manager, 3);
  expect(await replicas()).toBe(3);
  await ensureStreams(manager, 1);
  expect(await replicas()).toBe(3);
  await nc.close();
});
