import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import type { Provider } from '@tranship/contracts';
import { createLogger, type Kit, type StepContext, systemClock } from '@tranship/service-kit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type VCenter as Simulator, startVCenter } from '../../lab/testing/vcenter.ts';
import type { Providers } from './adapters/providers.ts';
import { VCenter } from './adapters/vcenter.ts';
import { privileges } from './domain/privileges.ts';
import { checkOff, powerOff, powerOn } from './handlers/power.ts';
import { providerQueries } from './handlers/providers.ts';
import { testProvider } from './handlers/test-provider.ts';

let simulator: Simulator;
let server: Server | undefined;
const centers: VCenter[] = [];
const log = createLogger('inventory', 'silent');
const context: StepContext = {
  ids: { migration: 'm', vm: 'v', step: 's', attempt: 1 },
  signal: new AbortController().signal,
  log,
  clock: systemClock,
  begun: false,
  progress: () => {},
  moved: () => {},
};

beforeAll(async () => {
  const shop = { name: 'shop-01', folder: 'shop' };
  simulator = await startVCenter({ vms: [{ name: 'web-01', folder: 'web', power: 'on' }, shop] });
});
afterEach(async () => {
  server?.close();
  await Promise.all(centers.splice(0).map(({ client }) => client.close()));
});
afterAll(() => simulator?.stop());

function center(tls: Partial<Provider['spec']['tls']>, url = simulator.url): VCenter {
  const { username, password } = simulator;
  const provider = {
    metadata: { name: 'vc' },
    spec: { type: 'vsphere', url, tls, credentials: { secret: 'vc' }, transfer: { method: 'vddk' } },
  } as unknown as Provider;
  const made = new VCenter(provider, async () => ({ username, password }), systemClock, log);
  centers.push(made);
  return made;
}

/** One whose model is whole. */
async function synced() {
  const source = center({ ca: simulator.ca });
  const stop = new AbortController();
  const { promise: caughtUp, resolve } = Promise.withResolvers<void>();
  const followed = source.follow(stop.signal, resolve).catch((error: unknown) => error);
  await caughtUp;
  return { source, stop, followed };
}

function connection(of: VCenter) {
  const providers = { find: () => of } as unknown as Providers;
  const queries = providerQueries(providers, {} as Kit);
  return queries.connection!({ name: 'vc' }, { log, clock: systemClock });
}

/** Somebody between us and vCenter, with a certificate that signs itself. */
async function between(): Promise<string> {
  const [cert, key] = ['crt', 'key'].map((end) => readFileSync(join(simulator.dir, `pki/fp.${end}`)));
  server = createServer({ cert, key }, (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server!.listen(0, '127.0.0.1', done));
  return `https://127.0.0.1:${(server.address() as { port: number }).port}/sdk`;
}

test('connection - the data path gets the thumbprint of the vCenter that the authority vouches for', async () => {
  const { ca, thumbprint, url } = simulator;
  expect(await connection(center({ ca }))).toEqual({ provider: 'vc', url, thumbprint, secret: 'vc', method: 'vddk' });
});

test('connection - somebody between is not vouched for, so the data path gets no thumbprint of his', async () => {
  await expect(connection(center({ ca: simulator.ca }, await between()))).rejects.toMatchObject({
    code: 'vsphere.certificate',
  });
  await expect(connection(center({}, await between()))).rejects.toMatchObject({ code: 'vsphere.certificate' });
});

test('connection - a thumbprint that a person gave is taken as it is, nobody is asked', async () => {
  const { thumbprint } = simulator;
  expect(await connection(center({ thumbprint }, 'https://127.0.0.1:1/sdk'))).toMatchObject({ thumbprint });
});

test('model - it stands when all is read, and the steps change what it shows', async () => {
  const { source, stop, followed } = await synced();
  expect(source.ready).toBe(true);
  const vm = source.model.vms().find(({ name }) => name === 'web-01');
  expect(vm).toMatchObject({ name: 'web-01', path: '/DC0/vm/web/web-01', powerState: 'poweredOn' });
  const find = () => source;
  const input = { migration: 'm', vm: vm!.id, provider: 'vc' };
  await expect(checkOff(find, input, context)).rejects.toMatchObject({ code: 'source.contested' });
  const off = { ...input, power: 'poweredOn', deadlineMs: 20_000, then: 'fail' } as const;
  await expect(powerOff(find, off, context)).rejects.toMatchObject({ code: 'source.shutdown-refused' });
  await fetch(`${simulator.control}/guest/tools?vm=web-01`, { method: 'POST' });
  expect(await powerOff(find, off, context)).toMatchObject({ was: 'poweredOn', how: 'guest' });
  expect(await checkOff(find, input, context)).toMatchObject({ powerState: 'poweredOff' });
  const target = { namespace: 'apps', name: 'web-01' };
  await powerOn(find, async () => false, { ...input, target, watchMs: 0 }, context);
  expect(await powerOff(find, { ...off, then: 'powerOff' }, context)).toMatchObject({ was: 'poweredOn' });
  const shown = () => source.model.vms().find(({ id }) => id === vm!.id)?.powerState;
  await expect.poll(shown, { timeout: 10_000 }).toBe('poweredOff');
  stop.abort(new Error('enough'));
  expect(await followed).toMatchObject({ message: 'enough' });
});

/** What the simulator's user may do from here on, at an object and below it. */
async function grant(type: string, name: string, names: readonly string[]): Promise<void> {
  const role = { method: 'POST', body: JSON.stringify({ type, name, privileges: names }) };
  expect((await fetch(`${simulator.control}/roles`, role)).ok).toBe(true);
}
const all = ['System.Anonymous', 'System.View', ...privileges.map(({ name }) => name)];
const but = (...names: string[]) => all.filter((name) => !names.includes(name));

test('test - each privilege by its name, as vCenter says it of our session: missing, missing at some, hidden', async () => {
  const { source, stop, followed } = await synced();
  const look = async () => {
    const checks = await testProvider(source, Date.now);
    return (name: string) => checks.find((check) => check.name === name);
  };
  const off = 'VirtualMachine.Interact.PowerOff';
  const take = 'VirtualMachine.State.CreateSnapshot';

  const free = await look();
  for (const { name } of privileges.filter(({ by }) => by !== 'nfc')) expect(free(name)).toMatchObject({ ok: true });
  expect(free('VApp.Export')).toBeUndefined();
  expect(free('login')).toMatchObject({ ok: true, detail: expect.stringContaining(simulator.username) });
  expect(free('privileges')).toMatchObject({ ok: true, detail: expect.stringContaining('each folder (2)') });
  expect(free('data path')).toMatchObject({ but: 'unchecked', detail: expect.stringContaining('TCP 902') });

  await grant('Folder', 'Datacenters', but(off, take));
  await grant('Folder', 'shop', but(off));
  const less = await look();
  expect(less(off)).toMatchObject({ ok: false, detail: expect.stringMatching(/^missing; needed by every migration/) });
  expect(less(off)?.fix).toContain(simulator.username);
  const some = 'missing at 1 of 2 (/DC0/vm/web/web-01); needed by warm';
  expect(less(take)).toMatchObject({ ok: true, but: 'warning', detail: expect.stringContaining(some) });
  expect(less('VirtualMachine.Interact.PowerOn')).toMatchObject({
    ok: true,
    detail: expect.not.stringContaining('missing'),
  });

  // What may not even be seen is told as one at which nothing is granted, and the others are as they are.
  await grant('Folder', 'Datacenters', all);
  await grant('Folder', 'shop', []);
  expect((await look())(off)?.detail).toContain('missing at 1 of 2 (/DC0/vm/shop/shop-01)');

  await fetch(`${simulator.control}/roles`, { method: 'DELETE' });
  expect((await look())(off)).toMatchObject({ ok: true });
  stop.abort(new Error('enough'));
  await followed;
});
