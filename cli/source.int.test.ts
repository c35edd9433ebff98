import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventExamples } from '@tranship/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type ControlPlane, kubevirtDefinitions, startControlPlane } from '../lab/testing/control-plane.ts';
import { cancelled, event, layMigration, moved, pass } from '../lab/testing/log.ts';
import { startVCenter, type VCenter } from '../lab/testing/vcenter.ts';
import { Stack, tranship } from './testing/stack.ts';

/** The command line against a real vCenter and a real API server without nodes: up to where a workbench would run. */
const stack = new Stack();
let plane: ControlPlane;
let simulator: VCenter;
let migration = '';

const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const target = list([
  ...['apps', 'tranship-work'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  {
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'fast' } },
    provisioner: 'nobody.example.com',
  },
]);

beforeAll(async () => {
  const controllers = ['garbage-collector-controller', 'persistentvolumeclaim-protection-controller'];
  const kinds = await kubevirtDefinitions('virtualmachines', 'virtualmachineinstances');
  [plane, simulator] = await Promise.all([
    startControlPlane(controllers, kinds),
    startVCenter({ vms: ['web-01', 'web-02'].map((name) => ({ name, folder: 'web', disks: [{ sizeGB: 0.01 }] })) }),
  ]);
  await plane.kubectl('apply', '-f', file('target.json', target));
  await stack.start(['planner']);
  const settings = { TRANSHIP_KUBECONFIG: plane.kubeconfig, TRANSHIP_PREPARE_SECONDS: '20' };
  await stack.startService('vm-builder', undefined, settings);
  await stack.startService('inventory');
}, 180_000);
afterAll(async () => {
  await stack.stop();
  await Promise.all([plane?.stop(), simulator?.stop()]);
});

const as = (
  role: 'viewer' | 'operator' | 'admin',
  args: string[],
  input?: string,
  onOut?: (out: string, end: () => void) => void,
) => {
  const env = { TRANSHIP_SERVER: stack.server, TRANSHIP_TOKEN_FILE: stack.tokenFile(role) };
  return tranship(args, { env, ...(input === undefined ? {} : { input }), ...(onOut ? { onOut } : {}) });
};
const file = (name: string, text: string): string => {
  const path = join(stack.dir, name);
  writeFileSync(path, text);
  return path;
};
const inspected = ['vm.inspection-due', 'vm.inspected'] as const;
const plan = (name: string, vms = ['web-01']) => `apiVersion: tranship.dev/v1
kind: Plan
metadata: {name: ${name}}
spec:
  source: vc1
  target: {namespace: apps}
  networkMap: {entries: [{source: {name: VM Network}, target: {type: pod}}]}
  storageMap: {entries: [{source: {name: fast-ds}, target: {storageClass: fast}}]}
  vms: [${vms.map((vm) => `{name: ${vm}}`).join(', ')}]
`;

it('provider - made with its credential and the certificate that was shown; its password is nowhere', async () => {
  const create = ['provider', 'create', 'vc1', '--url', simulator.url, '--username', simulator.username];
  const made = await as('admin', [...create, '--password-stdin', '--fetch-ca', '--yes'], `${simulator.password}\n`);
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining('provider/vc1 created') });
  const test = () => as('operator', ['provider', 'test', 'vc1']);
  await expect.poll(async () => (await test()).code, { timeout: 30_000, interval: 1_000 }).toBe(0);
  expect((await test()).out).toMatch(
    /✓ +reachable[\s\S]*✓ +login[\s\S]*✓ +time skew[\s\S]*✓ +inventory +2 VMs[\s\S]*✓ +VApp\.Export[\s\S]*\? +data path[\s\S]*fix: /,
  );
  const shown = await as('viewer', ['describe', 'provider', 'vc1']);
  expect(shown).toMatchObject({ code: 0, out: expect.stringContaining(simulator.url) });
  const events = await as('viewer', ['events', '-o', 'json']);
  expect(events.out).toContain('provider.ready');
  for (const { out } of [made, shown, events]) expect(out).not.toContain(simulator.password);
});

it('provider - a wrong password is said, with a fix, and ends with 3', async () => {
  const create = ['provider', 'create', 'vc2', '--url', simulator.url, '--username', simulator.username];
  await as('admin', [...create, '--password-stdin', '--fetch-ca', '--yes'], 'wrong\n');
  const { code, out } = await as('operator', ['provider', 'test', 'vc2']);
  expect(code).toBe(3);
  expect(out).toMatch(/✗ +login[\s\S]*fix: Store the right ones/);
  expect((await as('admin', ['delete', 'provider', 'vc2'])).code).toBe(0);
});

it('provider - fetch-ca shows the certificate to compare', async () => {
  const { code, out } = await as('operator', ['provider', 'fetch-ca', 'vc1', '-o', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ sha1: simulator.thumbprint });
});

it('provider - made with the certificate of a file; one that is not there is a wrong use', async () => {
  const create = ['provider', 'create', 'vc3', '--url', simulator.url, '--username', simulator.username];
  const by = (path: string) =>
    as('admin', [...create, '--password-stdin', '--ca-file', path], `${simulator.password}\n`);
  expect((await by('/nonexistent')).code).toBe(2);
  expect(await by(file('ca.pem', simulator.ca))).toMatchObject({ code: 0, out: 'provider/vc3 created\n' });
  const tested = await as('operator', ['provider', 'test', 'vc3']);
  expect(tested.out).toMatch(/✓ +certificate[\s\S]*✓ +login/);
  expect((await as('admin', ['delete', 'provider', 'vc3'])).code).toBe(0);
});

it('inventory - the VMs of the only provider', async () => {
  const { code, out } = await as('viewer', ['inventory', 'vms']);
  expect(code).toBe(0);
  expect(out).toMatch(/^NAME +ID +POWER.*\nweb-01 +vm-\d+ +poweredOff/);
  expect((await as('viewer', ['inventory', 'vms', 'none'])).code).toBe(4);
});

it('inventory - those alone that an expression chooses, as a tree too; what is wrong in it is told by its column', async () => {
  const vms = (where: string) => as('viewer', ['inventory', 'vms', '--where', where, '-o', 'name']);
  expect(await vms('name like "WEB-*1" and disks.datastore.name = "fast-ds"')).toMatchObject({
    ...{ code: 0, out: expect.stringMatching(/^vm\/vm-\d+\n$/) },
  });
  expect(await vms('powerState = "poweredOn"')).toMatchObject({ code: 0, out: '' });
  expect(await vms('memory > 4096')).toMatchObject({
    ...{ code: 1, err: expect.stringMatching(/column 1: there is no field memory; did you mean memoryMB\?/) },
  });
  const tree = await as('viewer', ['inventory', 'tree', 'vc1']);
  expect(tree).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^DC0\/\n {2}vm\/\n {4}web\/\n {6}web-01 \(vm-\d+, /),
  });
  expect((await as('viewer', ['inventory', 'tree', '--where', 'template'])).out).toBe('');
  const folders = await as('viewer', ['inventory', 'folders', '--where', 'holds = "vms" and vms > 0']);
  expect(folders.out).toMatch(/\nweb +\S+ +folder +vms +2 +\/DC0\/vm\/web\n$/);
});

it('validate - a plan that fits is ready; one with an unmapped datastore ends with 3, and so does its start', async () => {
  const good = await as('viewer', ['validate', '-f', file('good.yaml', plan('good'))]);
  expect(good).toMatchObject({ code: 0, out: expect.stringContaining('good is ready: 1 VMs') });
  await as('operator', ['apply', '-f', '-'], plan('bad').replace('fast-ds', 'other-ds'));
  const bad = await as('viewer', ['validate', 'bad']);
  expect(bad.code).toBe(3);
  expect(bad.out).toMatch(/critical +web-01[\s\S]*why: [\s\S]*fix: /);
  const start = await as('operator', ['start', 'bad']);
  expect(start).toMatchObject({ code: 3, err: expect.stringContaining('plan.not-ready') });
});

it('preview - the objects as the server would have them', async () => {
  const { code, out } = await as('viewer', ['preview', '-f', file('good.yaml', plan('good')), '-o', 'name']);
  expect(code).toBe(0);
  expect(out.split('\n').map((line) => line.split('/')[0])).toEqual([
    ...['persistentvolumeclaim', 'job', 'persistentvolumeclaim', 'virtualmachine', ''],
  ]);
});

it('preview - of one VM alone', async () => {
  const both = file('both.yaml', plan('both', ['web-01', 'web-02']));
  const names = async (...more: string[]) =>
    (await as('viewer', ['preview', '-f', both, '-o', 'name', ...more])).out.split('\n').filter(Boolean);
  expect(await names()).toHaveLength(8);
  const one = await names('--vm', 'web-02');
  expect(one).toHaveLength(4);
  expect(one).toContain('virtualmachine/web-02');
});

describe('guests, of a plan whose last migration is over', () => {
  beforeAll(async () => {
    await as('operator', ['apply', '-f', '-'], plan('told'));
    const vms = {
      'web-01': [event('vm.queued', { plan: 'told' }), ...pass, ...inspected, ...cancelled],
      'old-02': [event('vm.queued', { plan: 'told', type: 'cold' }), 'vm.admitted', 'vm.prepared', ...moved],
    } as const;
    await layMigration(stack.log, { id: 'told-1', plan: 'told', vms });
    const heard = async () => expect((await as('viewer', ['get', 'migration', 'told-1'])).code).toBe(0);
    await vi.waitFor(heard, { timeout: 20_000, interval: 500 });
  });

  it('preview - each file that would change as a diff, behind the objects and as comments: all of it is YAML', async () => {
    const { code, out } = await as('viewer', ['preview', 'told']);
    expect(code).toBe(0);
    const guests = out.split('\n').filter((line) => line.startsWith('#'));
    expect(guests).toEqual(expect.arrayContaining(['# In the guest web-01:', '# WOULD CHANGE', '# /etc/fstab']));
    expect(out).toMatch(
      /# {3}--- sha256 [0-9a-f]{64}\n# {3}\+{3} sha256 .*\n# {3}@@ .*\n# {3}-\/dev\/sda1 .*\n# {3}\+UUID=/,
    );
    expect(out).not.toContain('old-02');
    expect(parseAllDocuments(out).flatMap(({ errors }) => errors)).toEqual([]);
    expect(parseAllDocuments(out).map((each) => each.get('kind'))).toContain('VirtualMachine');
  });

  it('preview - for machines the guests stand beside the objects, and a cluster takes the list', async () => {
    const { code, out } = await as('viewer', ['preview', 'told', '-o', 'json']);
    expect(code).toBe(0);
    const { changes, concerns } = eventExamples['vm.inspected'];
    expect(JSON.parse(out)).toMatchObject({ kind: 'List', guests: [{ name: 'web-01', changes, concerns }] });
    await plane.kubectl('apply', '--dry-run=server', '-f', file('list.json', out));
    const other = JSON.parse(
      (await as('viewer', ['preview', '-f', file('good.yaml', plan('good')), '-o', 'json'])).out,
    );
    expect(other).toMatchObject({ kind: 'List', guests: [] });
  });

  it('explain - what was inspected would change; what was converted has, cold VMs too: diffs and digests', async () => {
    const before = await as('viewer', ['explain', 'told-1', 'web-01']);
    expect(before.out).toMatch(
      /ITS GUEST, AS IT WAS INSPECTED[\s\S]*guest\.address-differs[\s\S]*WOULD CHANGE\n\/etc\/fstab\n/,
    );
    expect(before.out).not.toContain('CONVERTED');
    const after = await as('viewer', ['explain', 'told', 'old-02']);
    expect(after).toMatchObject({ code: 0, err: '' });
    const [fstab, modules] = eventExamples['vm.converted'].changes;
    expect(after.out.slice(after.out.indexOf('CONVERTED'))).toBe(
      [
        'CONVERTED BY DIRECT (ext4 on a plain partition)',
        '/etc/fstab',
        `  --- sha256 ${fstab!.digests!.before}`,
        `  +++ sha256 ${fstab!.digests!.after}`,
        '  @@ -1,1 +1,1 @@',
        `  -${fstab!.before!.trim()}`,
        `  +${fstab!.after!.trim()}`,
        'new /etc/initramfs-tools/modules',
        '  --- none',
        `  +++ sha256 ${modules!.digests!.after}`,
        '  @@ -1,0 +1,1 @@',
        '  +virtio_blk',
        '',
      ].join('\n'),
    );
  });
});

it('doctor - all is in place', async () => {
  const { code, out } = await as('viewer', ['doctor']);
  expect(out).toMatch(/✓ +gateway[\s\S]*✓ +NATS[\s\S]*✓ +planner[\s\S]*✓ +target cluster[\s\S]*✓ +provider vc1/);
  expect(code).toBe(0);
});

it('migration - of the VMs that are ready; watched by its start and by watch, cancelled; the timeline tells it', {
  timeout: 120_000,
}, async () => {
  await as('operator', ['apply', '-f', '-'], plan('good', ['web-01', 'nobody']));
  expect(await as('operator', ['start', 'good'])).toMatchObject({ code: 3, err: expect.stringContaining('not-ready') });
  const { promise: started, resolve } = Promise.withResolvers<string>();
  const begin = ['start', 'good', '--ready-only', '--watch', '-o', 'name', '--timeout', '50s'];
  const watchedByStart = as('operator', begin, undefined, (out) => {
    const [, id] = /^migration\/(\S+)\n/.exec(out) ?? [];
    if (id !== undefined) resolve(id);
  });
  migration = await started;
  const { promise: watching, resolve: seen } = Promise.withResolvers<void>();
  const watched = as('viewer', ['watch', migration, '--timeout', '50s'], undefined, () => seen());
  await watching;
  expect(await as('admin', ['delete', 'provider', 'vc1'])).toMatchObject({
    ...{ code: 1, err: expect.stringMatching(/web-01 is moved by good-1\n {2}fix: .*\n {2}code: provider\.in-use/) },
  });
  expect((await as('operator', ['cancel', migration])).code).toBe(0);
  const described = await as('viewer', ['describe', 'migration', migration]);
  expect(described).toMatchObject({ code: 0, out: expect.stringContaining('web-01') });
  expect(described.out).not.toContain('nobody');
  for (const { code, out, err } of await Promise.all([watchedByStart, watched])) {
    expect(code).toBe(1);
    expect(out).toMatch(/^\d\d:\d\d:\d\d web-01 cancelled$/m);
    expect(err).toContain(`${migration} cancelled in `);
  }
  const waited = await as('viewer', ['wait', migration, '--for', 'cancelled', '--timeout', '90s']);
  expect(waited).toMatchObject({ code: 0, err: expect.stringContaining('cancelled') });
  const timeline = await as('viewer', ['timeline', migration, 'web-01']);
  expect(timeline.code).toBe(0);
  for (const type of ['vm.queued', 'vm.cancel-requested', 'vm.cancelled']) expect(timeline.out).toContain(type);
  expect((await as('viewer', ['wait', migration])).code).toBe(1);
});

it('archive - a plan that is over is ended for good; what became of its VM is explained', {
  timeout: 120_000,
}, async () => {
  const explained = await as('viewer', ['explain', migration, 'web-01']);
  expect(explained).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^web-01 \(vm-\d+\) of good-1: cancelled since/),
  });
  expect((await as('viewer', ['explain', migration, 'nobody'])).code).toBe(4);
  expect((await as('viewer', ['archive', 'good'])).code).toBe(5);
  const archived = await as('operator', ['archive', 'good', '--timeout', '90s']);
  expect(archived).toMatchObject({ code: 0, out: 'plan/good archived\n' });
  expect(await as('viewer', ['get', 'plan', 'good', '-o', 'json'])).toMatchObject({
    out: expect.stringContaining('archived'),
  });
  expect(await as('operator', ['start', 'good'])).toMatchObject({ err: expect.stringContaining('plan.archived') });
  expect((await as('operator', ['retry', migration])).code).toBe(1);
  expect((await as('operator', ['delete', 'plan', 'good'])).code).toBe(0);
  expect((await as('operator', ['archive', 'good'])).code).toBe(4);
});

it('doctor - a service that is gone is told with a fix, and ends with 3', async () => {
  await stack.kill('vm-builder');
  const { code, out } = await as('viewer', ['doctor']);
  expect(code).toBe(3);
  expect(out).toMatch(/✗ +target cluster[\s\S]*fix: Start vm-builder/);
  const { code: alone, out: told } = await tranship(['doctor', '--server', 'http://127.0.0.1:1']);
  expect(alone).toBe(3);
  expect(told).toMatch(/✗ +gateway[\s\S]*fix: Check --server/);
});
