import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ObjectUpdate, type Ref, VSphere } from './index.ts';
import { startVCenter, type VCenter } from './testing/vcenter.ts';

const sets = { VirtualMachine: ['name', 'runtime.powerState', 'snapshot'] };
const clock = { now: Date.now, sleep: (ms: number) => sleep(ms) };
/** More than one page of updates. */
const fleet = 300;
let vcenter: VCenter;
const clients: VSphere[] = [];
const stops: AbortController[] = [];

function open(login = async () => ({ username: vcenter.username, password: vcenter.password })): VSphere {
  const client = new VSphere({ url: vcenter.url, trust: { ca: vcenter.ca }, login });
  clients.push(client);
  return client;
}

/** The VMs by name, kept current, as a reader of the stream sees them. */
function watch(client: VSphere) {
  const control = new AbortController();
  stops.push(control);
  const vms = new Map<string, Record<string, unknown>>();
  const seen = {
    vms,
    caughtUp: 0,
    batches: 0,
    find: (name: string) => [...vms.values()].find((vm) => vm.name === name),
  };
  const take = ({ kind, ref, properties }: ObjectUpdate) =>
    kind === 'leave' ? vms.delete(ref.value) : vms.set(ref.value, { ...vms.get(ref.value), ...properties });
  const ended = (async () => {
    for await (const updates of client.follow(sets, control.signal)) {
      for (const each of updates) take(each);
      if (updates.length === 0) seen.caughtUp++;
      else seen.batches++;
    }
  })();
  const failure = ended.then(
    () => undefined,
    (error: unknown) => error,
  );
  return Object.assign(seen, { failure });
}

async function until(what: string, ask: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!ask()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(10);
  }
}

async function vm(client: VSphere, name: string) {
  const seen = watch(client);
  await until('caught up', () => seen.caughtUp > 0);
  const [id] = [...seen.vms].find(([, each]) => each.name === name)!;
  return { type: 'VirtualMachine', value: id };
}

beforeAll(async () => {
  vcenter = await startVCenter({
    vms: [
      { name: 'web-01', folder: 'web' },
      { name: 'kept-01', disks: [{ sizeGB: 0.01 }], snapshots: ['before'] },
    ],
    fleet: { count: fleet },
  });
});
afterEach(async () => {
  for (const control of stops.splice(0)) control.abort();
  await vcenter.tell('/faults');
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(() => vcenter?.stop());

test('inventory - all VMs come, over several pages, then each change as it happens', async () => {
  const seen = watch(open());
  await until('caught up', () => seen.caughtUp > 0);
  expect(seen.vms.size).toBe(fleet + 2);
  expect(seen.batches).toBeGreaterThan(1);
  expect(seen.find('web-01')).toMatchObject({ 'runtime.powerState': 'poweredOff' });
  await vcenter.tell('/power/on?vm=web-01');
  await until('on', () => seen.find('web-01')?.['runtime.powerState'] === 'poweredOn');
  await vcenter.tell('/power/off?vm=web-01');
  await until('off', () => seen.find('web-01')?.['runtime.powerState'] === 'poweredOff');
});

test('inventory - a property that is gone is gone', async () => {
  const client = open();
  const seen = watch(client);
  await until('caught up', () => seen.caughtUp > 0);
  const snapshot = seen.find('kept-01')?.snapshot as { currentSnapshot: { type: string; value: string } };
  await client.task(snapshot.currentSnapshot, 'RemoveSnapshot_Task', { removeChildren: false }, 20_000, clock);
  await until('no snapshot', () => seen.find('kept-01')?.snapshot === undefined);
  expect(seen.find('kept-01')).toMatchObject({ name: 'kept-01' });
});

test('inventory - a follower that is told to end ends at once, with the reason', async () => {
  const seen = watch(open());
  await until('caught up', () => seen.caughtUp > 0);
  const reason = new Error('enough');
  stops.at(-1)!.abort(reason);
  expect(await seen.failure).toBe(reason);
});

test('session - an expired one is opened again for calls, many at once too', async () => {
  let logins = 0;
  const client = open(async () => {
    logins++;
    return { username: vcenter.username, password: vcenter.password };
  });
  const ref = await vm(client, 'web-01');
  for (let round = 0; round < 3; round++) {
    await vcenter.tell('/sessions/expire');
    const reads = await Promise.all(Array.from({ length: 24 }, () => client.read([ref], ['name'])));
    for (const [each] of reads) expect(each?.properties.name).toBe('web-01');
  }
  expect(logins).toBe(4);
});

test('session - a wait that is cut says so, and the next follower sees all again', async () => {
  const client = open();
  const seen = watch(client);
  await until('caught up', () => seen.caughtUp > 0);
  await vcenter.tell('/sessions/expire');
  expect(await seen.failure).toMatchObject({ code: 'vsphere.session', retry: true });
  const again = watch(client);
  await until('caught up again', () => again.caughtUp > 0);
  expect(again.vms.size).toBe(fleet + 2);
});

test('login - a wrong password is told without it; the right one is taken at the next call', async () => {
  let password = 'n0t-the-passw0rd';
  const client = open(async () => ({ username: vcenter.username, password }));
  const error = await client.about().catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: 'vsphere.login',
    retry: false,
    detail: expect.stringContaining(vcenter.username),
  });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(password);
  password = vcenter.password;
  expect(await client.about()).toMatchObject({ fullName: expect.stringContaining('vCenter') });
});

test('login - a vCenter that does not reach its hosts yet is told as that, and may be tried again', async () => {
  const client = open();
  await vcenter.tell('/faults', { method: 'Login', fault: 'HostCommunication', count: 1 });
  await expect(client.about()).rejects.toMatchObject({
    code: 'vsphere.host-away',
    retry: true,
    detail: expect.stringContaining('HostCommunication'),
  });
  expect(await client.about()).toHaveProperty('apiVersion');
});

test('task - its end is awaited, its failure carries the fault', async () => {
  const client = open();
  const ref = await vm(client, 'web-01');
  await vcenter.tell('/faults', { task: 'VirtualMachine.powerOn', fault: 'NotEnoughLicenses', count: 1 });
  const power = (operation: 'PowerOnVM_Task' | 'PowerOffVM_Task') => client.task(ref, operation, {}, 20_000, clock);
  await expect(power('PowerOnVM_Task')).rejects.toMatchObject({
    code: 'vsphere.fault',
    detail: expect.stringContaining('NotEnoughLicenses'),
  });
  await power('PowerOnVM_Task');
  const [on] = await client.read([ref], ['runtime.powerState']);
  expect(on?.properties).toEqual({ 'runtime.powerState': 'poweredOn' });
  await power('PowerOffVM_Task');
});

test('task - one that takes its time is waited for, and its VM can be read meanwhile', async () => {
  const client = open();
  const ref = await vm(client, 'kept-01');
  await expect(vcenter.tell('/delays?tasks', { Nothing_Task: 1 })).rejects.toThrow('no delay for Nothing_Task');
  await vcenter.tell('/delays?tasks', { CreateSnapshot_Task: 2_500 });
  const params = { name: 'slow', description: '', memory: false, quiesce: false };
  let taken = false;
  const began = performance.now();
  const taking = client.task(ref, 'CreateSnapshot_Task', params, 20_000, clock).then(() => {
    taken = true;
  });
  await sleep(300);
  await client.read([ref], ['name', 'recentTask']);
  expect(taken).toBe(false);
  await vcenter.tell('/delays?tasks', {});
  await taking;
  expect(performance.now() - began).toBeGreaterThan(2_500);
});

test('task - one that has not ended by the clock is not waited for', async () => {
  const client = open();
  const ref = await vm(client, 'kept-01');
  await vcenter.tell('/delays?tasks', { CreateSnapshot_Task: 1_000 });
  let now = 0;
  const hasty = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const params = { name: 'late', description: '', memory: false, quiesce: false };
  await expect(client.task(ref, 'CreateSnapshot_Task', params, 100, hasty)).rejects.toMatchObject({
    code: 'vsphere.fault',
    detail: expect.stringContaining('did not end within 0.1 s'),
  });
  await vcenter.tell('/delays?tasks', {});
});

test('figures - the newest of a host, of what it has figures of; a counter that no vCenter has is left out', async () => {
  const client = open();
  const [host] = await client.read([await vm(client, 'web-01')], ['runtime.host']);
  const ref = host?.properties['runtime.host'] as unknown as Ref;
  await vcenter.tell('/latency?datastore=fast-ds&ms=71', {});
  const counters = [
    'datastore.totalReadLatency.average',
    'datastore.totalWriteLatency.average',
    'datastore.none.average',
  ];
  const metrics = counters.flatMap((counter) => ['fast-ds', 'elsewhere'].map((instance) => ({ counter, instance })));
  const value = { instance: 'fast-ds', value: 71 };
  expect(await client.samples(ref, metrics)).toEqual(counters.slice(0, 2).map((counter) => ({ counter, ...value })));
  expect(await client.samples(ref, [])).toEqual([]);
});

test('call - a fault and a missing object are told apart', async () => {
  const client = open();
  const ref = await vm(client, 'web-01');
  await expect(client.call(ref, 'ShutdownGuest')).rejects.toMatchObject({
    code: 'vsphere.fault',
    detail: expect.stringContaining('InvalidPowerState'),
  });
  await expect(client.call({ ...ref, value: 'vm-0' }, 'ShutdownGuest')).rejects.toMatchObject({
    code: 'vsphere.not-found',
  });
  expect(Math.abs((await client.currentTime()) - Date.now())).toBeLessThan(60_000);
});
