import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Aggregate,
  envelope,
  inWorkbench,
  mostBytes,
  type NatsUser,
  natsAuthorization,
  partBytes,
  type ServiceName,
  subjects,
} from '@tranship/contracts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bus, type StoredEvent, workbenchConsumer } from './index.ts';
import { NatsServer } from './testing/nats-server.ts';

let server: NatsServer;
const buses: Bus[] = [];
const context = { source: 'test', time: new Date(0) };
const removed = { type: 'provider.removed', data: {} } as const;
const provider = (name: string) => subjects.event('provider', name);

beforeAll(async () => {
  server = await NatsServer.start({ authorization: natsAuthorization((user) => `${user}-password`) });
  await as('planner'); // the house makes the streams
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});
afterAll(() => server?.remove());

async function as(user: NatsUser): Promise<Bus> {
  const passwordFile = join(server.dir, user);
  writeFileSync(passwordFile, `${user}-password`);
  const makeStreams = user !== 'audit' && !inWorkbench.includes(user);
  const bus = await Bus.open({ url: server.url, user, passwordFile, name: user, makeStreams });
  buses.push(bus);
  return bus;
}
const command = (service: ServiceName, verb: string, migration: string) => {
  const id = `${migration}/vm-1/${verb}/1`;
  return [
    subjects.command(service, verb, migration, 'vm-1'),
    envelope({ id, source: 'test', type: 'test', time: context.time, data: {} }),
  ] as const;
};
const stop = () => AbortSignal.timeout(30_000);

test('permissions - each service of the house appends to its own aggregates alone, and reads all', async () => {
  const owners: [ServiceName, Aggregate][] = [
    ...[
      ['planner', 'vm'],
      ['planner', 'plan'],
      ['inventory', 'provider'],
      ['gateway', 'access'],
    ],
  ] as [ServiceName, Aggregate][];
  for (const [service, aggregate] of owners) {
    const bus = await as(service);
    expect(await bus.events.append(subjects.event(aggregate, 'own', service), [removed], 0, context)).toBeGreaterThan(
      0,
    );
    const others = owners.filter(([other]) => other !== service);
    for (const [, other] of others)
      await expect(
        bus.events.append(subjects.event(other, 'foreign', service), [removed], 0, context),
      ).rejects.toThrow();
    const read = await bus.events.readSubject(subjects.event('vm', 'own', 'planner'));
    expect(read.events).toHaveLength(1);
  }
}, 120_000);

test('permissions - a command goes from the planner to its worker, its report back, and it can be purged', async () => {
  const [planner, transfer, builder] = [await as('planner'), await as('transfer'), await as('vm-builder')];
  const [subject, message] = command('transfer', 'copy', 'm1');
  await planner.commands.send(subject, message);
  expect(await planner.commands.pending(subject, message.id)).toBe(true);
  const done = Promise.withResolvers<string>();
  const ids = { migration: 'm1', vm: 'vm-1', step: 'copy', attempt: 1 };
  const work = async () => {
    expect(await transfer.outcomes.begin(ids)).toEqual({ is: 'new' });
    await transfer.outcomes.keep(ids, { ok: true, result: {} });
    await transfer.commands.send(...command('planner', 'report', 'm1'));
  };
  const filter = subjects.commandsOf('transfer', 'm1', 'vm-1');
  const scoped = { durable: workbenchConsumer('transfer', 'm1', 'vm-1'), filter, concurrency: 1, inactiveMs: 60_000 };
  void transfer.commands.consume(scoped, work, async () => {}, stop());
  const reports = { durable: 'planner', filter: subjects.commands('planner'), concurrency: 1 };
  void planner.commands.consume(
    reports,
    async ({ id }) => done.resolve(id),
    async () => {},
    stop(),
  );
  expect(await done.promise).toBe('m1/vm-1/report/1');
  await transfer.bury(subject, '{}', new Error('given up'));
  await builder.commands.purge('transfer', 'm1', 'vm-1');
});

test('permissions - objects go from inventory to a workbench, and vm-builder removes them; leases are the house’s', async () => {
  const [inventory, transfer] = [await as('inventory'), await as('transfer')];
  const owner = { migration: 'm1', vm: 'vm-1' };
  const name = await inventory.objects.put('areas', owner);
  expect(Buffer.from(await transfer.objects.get(name)).toString()).toBe('areas');
  expect(await transfer.objects.put('ledger', owner)).toMatch(/^m1\/vm-1\/[0-9a-f]{64}$/);
  expect(await (await as('vm-builder')).objects.prune(owner)).toHaveLength(2);
  expect(await inventory.leases.acquire('p', 1_000)).toBeDefined();
});

test('permissions - evidence goes from a workbench to the gateway, which reads alone, and outlives what was kept for the VM', async () => {
  const [converter, gateway] = [await as('converter'), await as('gateway')];
  const owner = { migration: 'm2', vm: 'vm-1', evidence: true } as const;
  const name = await converter.objects.put('console', owner);
  expect(name).toMatch(/^evidence\/m2\/vm-1\/[0-9a-f]{64}$/);
  await (await as('vm-builder')).objects.prune({ migration: 'm2', vm: 'vm-1' });
  expect(Buffer.from(await gateway.objects.get(name)).toString()).toBe('console');
  await expect(gateway.objects.put('x', owner)).rejects.toThrow();
  const again = await converter.objects.put('console again', owner);
  expect(await converter.objects.prune(owner, new Set([again]))).toEqual([name]);
}, 180_000);

test('permissions - what a workbench may read is the planner’s word: the workbench reads it, and writes none', async () => {
  const [planner, transfer, converter] = [await as('planner'), await as('transfer'), await as('converter')];
  expect(await transfer.limits.get('m1', 'vm-1')).toBeNull();
  await planner.limits.put('m1', 'vm-1', 40_000_000);
  expect(await transfer.limits.get('m1', 'vm-1')).toBe(40_000_000);
  await planner.limits.put('m1', 'vm-1', null);
  expect(await transfer.limits.get('m1', 'vm-1')).toBeNull();
  for (const other of [transfer, converter]) await expect(other.limits.put('m1', 'vm-1', 1)).rejects.toThrow();
  await expect(converter.limits.get('m1', 'vm-1')).rejects.toThrow();
}, 120_000);

test('permissions - a workbench asks no secret, appends no event, and takes no command of another service', async () => {
  const [builder, inventory, gateway, transfer] = [
    ...[await as('vm-builder'), await as('inventory'), await as('gateway'), await as('transfer')],
  ] as [Bus, Bus, Bus, Bus];
  const control = new AbortController();
  const secret = { username: 'u', password: 'p' };
  let asked = 0;
  const answer = async () => {
    asked += 1;
    return secret;
  };
  builder.serve('readSecret', answer, control.signal);
  await expect.poll(() => inventory.query('readSecret', { name: 'vc' }).catch(() => undefined)).toEqual(secret);
  const before = asked;
  for (const other of [transfer, gateway])
    await expect(other.query('readSecret', { name: 'vc' })).rejects.toMatchObject({ code: 'service.unavailable' });
  expect(asked).toBe(before);
  control.abort();
  await expect(transfer.events.append(provider('x'), [removed], 0, context)).rejects.toThrow();
  expect((await inventory.events.readSubject(provider('x'))).seq).toBe(0);
  await expect(transfer.commands.send(...command('vm-builder', 'removeTarget', 'm2'))).rejects.toThrow();
  const foreign = { durable: 'vm-builder', filter: subjects.commands('vm-builder'), concurrency: 1 };
  await expect(
    transfer.commands.consume(
      foreign,
      async () => {},
      async () => {},
      stop(),
    ),
  ).rejects.toThrow();
}, 120_000);

test('permissions - questions and answers between services may be of many messages', async () => {
  const [gateway, inventory] = [await as('gateway'), await as('inventory')];
  const control = new AbortController();
  // As many parts as there may be, but for what is around the text.
  const most = 'x'.repeat(mostBytes - partBytes / 2);
  const answer = async ({ url }: { url: string }) => ({ pem: url === '' ? most : url, thumbprint: '', sha256: '' });
  inventory.serve('fetchCa', answer, control.signal);
  await inventory.settled();
  expect((await gateway.query('fetchCa', { url: '' })).pem === most).toBe(true);
  const url = 'u'.repeat(mostBytes / 8);
  expect((await gateway.query('fetchCa', { url })).pem === url).toBe(true);
  control.abort();
}, 60_000);

test('permissions - the audit user reads events as they come, and nothing else', async () => {
  const [inventory, audit] = [await as('inventory'), await as('audit')];
  const control = new AbortController();
  const seen: StoredEvent[] = [];
  const following = audit.events.follow(subjects.events(), 1, (event) => void seen.push(event), control.signal);
  const subject = provider('audited');
  await inventory.events.append(subject, [removed], 0, context);
  await expect.poll(() => seen.map((event) => event.subject), { timeout: 10_000 }).toContain(subject);
  control.abort();
  await following;
  await expect(audit.events.append(subject, [removed], 1, context)).rejects.toThrow();
  await expect(audit.query('listProviders', {})).rejects.toMatchObject({ code: 'service.unavailable' });
  await expect(audit.objects.put('x', { migration: 'm1', vm: 'vm-1' })).rejects.toThrow();
  await expect(audit.commands.send(...command('transfer', 'copy', 'm3'))).rejects.toThrow();
  await expect(audit.commands.purge('transfer', 'm1', 'vm-1')).rejects.toThrow();
}, 120_000);

test('tls - by the authority’s file; a server that another vouches for, and one without TLS, are refused', async () => {
  const file = (name: string) => join(server.dir, name);
  for (const name of ['ours', 'other']) {
    const pair = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)];
    const certificate = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', ['req', ...certificate, ...names, ...pair], { stdio: 'ignore' });
  }
  const secured = await NatsServer.start({ tls: { cert_file: file('ours.crt'), key_file: file('ours.key') } });
  const open = ({ port }: NatsServer, caFile: string) =>
    Bus.open({
      url: `nats://localhost:${port}`,
      user: secured.user,
      passwordFile: secured.passwordFile,
      name: 'test',
      caFile,
    });
  try {
    const bus = await open(secured, file('ours.crt'));
    expect(bus.connected).toBe(true);
    await bus.close();
    await expect(open(secured, file('other.crt'))).rejects.toMatchObject({ code: 'service.unavailable' });
    await expect(open(server, file('ours.crt'))).rejects.toMatchObject({ code: 'service.unavailable' });
  } finally {
    await secured.remove();
  }
});
