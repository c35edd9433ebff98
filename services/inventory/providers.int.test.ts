import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Bus } from '@tranship/bus';
import { type Provider, providerSchema, subjects } from '@tranship/contracts';
import { createLogger, type Kit, systemClock } from '@tranship/service-kit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type VCenter as Simulator, startVCenter } from '../../lab/testing/vcenter.ts';
import { NatsServer } from '../../libs/bus/testing/nats-server.ts';
import { Providers } from './adapters/providers.ts';
import { providerQueries } from './handlers/providers.ts';

let server: NatsServer;
let simulator: Simulator;
let names = 0;
const ends: (() => Promise<unknown>)[] = [];
const log = createLogger('inventory', 'silent');

beforeAll(async () => {
  server = await NatsServer.start();
  simulator = await startVCenter({ vms: [{ name: 'web-01', folder: 'web' }] });
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(async () => {
  await simulator?.stop();
  await server?.remove();
});

/** One replica of inventory. `password`: what it is told that the vCenter wants. */
async function replica(password: (secret: string) => string = () => simulator.password) {
  const { url, user, passwordFile } = server;
  const bus = await Bus.open({ url, user, passwordFile, name: 'inventory' });
  const login = async ({ name }: { name: string }) => ({ username: simulator.username, password: password(name) });
  const query = ((name, input) =>
    name === 'readSecret' ? login(input as { name: string }) : bus.query(name, input)) as Kit['query'];
  const kit: Kit = { bus, log, clock: systemClock, query };
  const providers = new Providers(kit);
  const stop = new AbortController();
  const following = providers.follow(stop.signal);
  const end = async () => {
    stop.abort(new Error('enough'));
    await following;
    await providers.close();
    await bus.close();
  };
  ends.push(end);
  await expect.poll(() => providers.caughtUp).toBe(true);
  const table = providerQueries(providers, kit);
  const put = (given: Provider) => table.putProvider!(given, { log, clock: systemClock });
  const facts = async (name: string) =>
    (await bus.events.readSubject(subjects.event('provider', name))).events.map(({ type }) => type);
  return { bus, providers, table, put, facts, end };
}

const document = (more: { metadata?: object; spec?: object } = {}): Provider =>
  providerSchema.parse({
    apiVersion: 'tranship.dev/v1',
    kind: 'Provider',
    metadata: { name: `vc-${names}`, ...more.metadata },
    spec: {
      ...{ type: 'vsphere', url: simulator.url, tls: { ca: simulator.ca }, credentials: { secret: 'vc' } },
      ...more.spec,
    },
  });
const state = (of: Providers, name: string) => () =>
  (of.list().find(({ metadata }) => metadata.name === name)?.status as { state: string } | undefined)?.state;

test('providers - two replicas follow, one says so; when it is gone the other goes on', {
  timeout: 90_000,
}, async () => {
  const name = `vc-${++names}`;
  let password = simulator.password;
  const [one, two] = await Promise.all([replica(() => password), replica(() => password)]);
  await one.put(document());
  for (const { providers } of [one, two]) await expect.poll(state(providers, name), { timeout: 20_000 }).toBe('ready');
  await expect.poll(() => one.facts(name), { timeout: 20_000 }).toEqual(['provider.added', 'provider.ready']);
  ends.splice(ends.indexOf(one.end), 1);
  await one.end();
  password = 'changed';
  await fetch(`${simulator.control}/sessions/expire`, { method: 'POST' });
  await expect.poll(state(two.providers, name), { timeout: 60_000 }).toBe('lost');
  expect(await two.facts(name)).toEqual(['provider.added', 'provider.ready', 'provider.lost']);
});

test('providers - versions: the present one may be named, an older one is refused; labels alone are a change', async () => {
  names += 1;
  const { put, providers, facts } = await replica();
  const first = await put(document());
  const version = first.metadata.resourceVersion!;
  // As the log has it: what is said of its state in between is somebody else's word too.
  const said = () => facts(first.metadata.name);
  await expect.poll(said, { timeout: 20_000 }).toEqual(['provider.added', 'provider.ready']);
  const labelled = await put(document({ metadata: { labels: { site: 'a' }, resourceVersion: version } }));
  expect(labelled.metadata).toMatchObject({ labels: { site: 'a' }, generation: 1 });
  await expect(put(document({ metadata: { resourceVersion: version } }))).rejects.toMatchObject({
    code: 'document.conflict',
  });
  expect((await put(document({ metadata: { labels: { site: 'a' } } }))).metadata).toEqual(labelled.metadata);
  const shown = () => providers.list().find(({ metadata }) => metadata.name === first.metadata.name);
  await expect.poll(() => shown()?.metadata).toEqual(labelled.metadata);
  // The session goes on: nothing of the connection changed.
  expect(shown()?.status).toEqual({ state: 'ready' });
});

test('providers - deleted only in the version that is named', async () => {
  names += 1;
  const { bus, put, table, facts } = await replica();
  const { name, resourceVersion: first } = (await put(document())).metadata;
  const { resourceVersion } = (await put(document({ metadata: { labels: { site: 'a' } } }))).metadata;
  const remove = (version: string | undefined) =>
    table.deleteProvider!({ name, resourceVersion: version }, { log, clock: systemClock });
  const planner = new AbortController();
  bus.serve('providerUses', async () => ({ uses: [] }), planner.signal);
  await expect(remove(first)).rejects.toMatchObject({ code: 'document.conflict' });
  expect(await facts(name)).not.toContain('provider.removed');
  await remove(resourceVersion);
  expect(await facts(name)).toContain('provider.removed');
  planner.abort();
});

test('providers - overtaken by another change it is decided again; of two with one version, one is refused', async () => {
  names += 1;
  const { put } = await replica();
  const version = (await put(document())).metadata.resourceVersion!;
  const sites = ['a', 'b', 'c'].map((site) => put(document({ metadata: { labels: { site } } })));
  const versions = (await Promise.all(sites)).map(({ metadata }) => Number(metadata.resourceVersion));
  expect(new Set(versions).size).toBe(3);
  const resourceVersion = String(Math.max(...versions));
  expect(resourceVersion).not.toBe(version);
  const both = ['d', 'e'].map((site) => put(document({ metadata: { labels: { site }, resourceVersion } })));
  const ends = await Promise.allSettled(both);
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'document.conflict' } });
});

/** Takes connections, and never says a word. */
async function silent(): Promise<string> {
  const held = new Set<Socket>();
  const deaf = createServer((socket) => held.add(socket)).listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  ends.push(async () => {
    for (const socket of held) socket.destroy();
    deaf.close();
  });
  return `https://127.0.0.1:${(deaf.address() as AddressInfo).port}/sdk`;
}

const wrongs: [string, () => Promise<object> | object, string, object][] = [
  [
    'nobody listens',
    () => ({ url: 'https://127.0.0.1:1/sdk' }),
    'reachable',
    { detail: /127\.0\.0\.1:1/, fix: /URL, DNS and the firewall/ },
  ],
  [
    'somebody listens and is silent',
    async () => ({ url: await silent() }),
    'reachable',
    { detail: /no answer within 10 s/, fix: /URL, DNS and the firewall/ },
  ],
  [
    'another certificate',
    () => ({ tls: { thumbprint: Array(20).fill('AA').join(':') } }),
    'certificate',
    { detail: /not AA:AA/, fix: /fetch-ca NAME.*spec\.tls\.thumbprint/ },
  ],
  [
    'another password',
    () => ({ credentials: { secret: 'wrong' } }),
    'login',
    { detail: /login/, fix: /--password-stdin/ },
  ],
];
test.each(wrongs)(
  'provider test - %s: it is told as what it is, with its fix, and nothing behind it is asked',
  async (_, spec, name, says) => {
    names += 1;
    const { table, put } = await replica((secret) => (secret === 'wrong' ? 'wrong' : simulator.password));
    const { metadata } = await put(document({ spec: await spec() }));
    const ask = () => table.testProvider!({ name: metadata.name }, { log, clock: systemClock });
    await expect
      .poll(async () => (await ask().catch(() => undefined))?.checks.at(-1), { timeout: 40_000 })
      .toMatchObject({
        ...{ name, ok: false },
        ...Object.fromEntries(Object.entries(says).map(([key, words]) => [key, expect.stringMatching(words)])),
      });
  },
);

test('providers - a type or an endpoint that is no source is refused, and nothing is stored', async () => {
  names += 1;
  const { put, facts } = await replica();
  for (const [field, value] of [
    ['type', 'kubevirt'],
    ['endpoint', 'esxi'],
  ] as const)
    await expect(put(document({ spec: { [field]: value } }))).rejects.toMatchObject({
      ...{ code: 'document.invalid', path: `spec.${field}`, detail: expect.stringContaining(value) },
    });
  expect(await facts(`vc-${names}`)).toEqual([]);
});

test('providers - one that a migration needs is not deleted, nor one of which the planner does not say; then it is', async () => {
  const name = `vc-${++names}`;
  const { bus, put, table, facts } = await replica();
  await put(document());
  const remove = () => table.deleteProvider!({ name }, { log, clock: systemClock });
  await expect(remove()).rejects.toMatchObject({ code: 'service.unavailable', detail: 'planner is not running' });
  const stop = new AbortController();
  let uses = [
    { migration: 'shop-1', vm: 'web-01', kept: false },
    { migration: 'shop-0', vm: 'db-01', kept: true },
  ];
  bus.serve('providerUses', async (asked) => ({ uses: asked.name === name ? uses : [] }), stop.signal);
  await expect(remove()).rejects.toMatchObject({
    code: 'provider.in-use',
    detail: 'web-01 is moved by shop-1, the copy of db-01 is kept by shop-0',
    fix: expect.stringContaining('archive'),
  });
  expect(await facts(name)).not.toContain('provider.removed');
  uses = [];
  await remove();
  expect(await facts(name)).toContain('provider.removed');
  stop.abort();
});
