import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { event, layMigration, moved, unwell } from '../lab/testing/log.ts';
import { onTerminal, Stack, tranship } from './testing/stack.ts';

const stack = new Stack();
beforeAll(() => stack.start(['planner']), 120_000);
afterAll(() => stack.stop());

/** Runs with a role's token. */
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

const maps = `apiVersion: tranship.dev/v1
kind: NetworkMap
metadata: {name: nets}
spec:
  source: vc1
  entries:
  - {source: {name: VM Network}, target: {type: pod}}
---
apiVersion: tranship.dev/v1
kind: StorageMap
metadata: {name: stores}
spec:
  source: vc1
  entries:
  - {source: {name: fast-ds}, target: {storageClass: fast}}
`;
const plan = `apiVersion: tranship.dev/v1
kind: Plan
metadata:
  name: web
spec:
  source: vc1
  target: {namespace: apps}
  networkMap: nets
  storageMap: stores
  vms:
  - name: web-01
`;

describe('tranship', () => {
  it('apply - creates, leaves alone what is the same, replaces what has changed', async () => {
    const path = file('all.yaml', `${plan}---\n${maps}`);
    expect(await as('operator', ['apply', '-f', path])).toEqual({
      code: 0,
      out: 'network-map/nets created\nstorage-map/stores created\nplan/web created\n',
      err: '',
    });
    expect((await as('operator', ['apply', '-f', path])).out).toBe(
      'network-map/nets unchanged\nstorage-map/stores unchanged\nplan/web unchanged\n',
    );
    const changed = await as('operator', ['apply', '-f', '-'], plan.replace('namespace: apps', 'namespace: shop'));
    expect(changed.out).toBe('plan/web configured\n');
  });

  it('apply - an unknown field is named with its line and the nearest known one; nothing is stored', async () => {
    const path = file('bad.yaml', `${maps.replaceAll('nets', 'other')}---\n${plan.replace('target:', 'taget:')}`);
    const { code, err } = await as('operator', ['apply', '-f', path]);
    expect(code).toBe(1);
    expect(err).toContain('taget (line 23): unknown field; did you mean target?');
    expect(err).toContain('fix:');
    expect(err).toContain('code: document.invalid');
    expect((await as('viewer', ['get', 'network-map', 'other'])).code).toBe(4);
  });

  it('apply - a file that cannot be read, or none, is a wrong use', async () => {
    expect((await as('operator', ['apply', '-f', '/nonexistent'])).code).toBe(2);
    expect((await as('operator', ['apply'])).code).toBe(2);
  });

  it('get - a list, one, and the formats of machines', async () => {
    const list = await as('viewer', ['get', 'plans']);
    expect(list.out).toMatch(/^NAME +SOURCE +TARGET +VMS +AGE\nweb +vc1 +\S+ +1 +\d+\w*\n$/);
    expect((await as('viewer', ['get', 'plan/web', '-o', 'name'])).out).toBe('plan/web\n');
    const one = JSON.parse((await as('viewer', ['get', 'plan', 'web', '-o', 'json'])).out);
    expect(one).toMatchObject({ kind: 'Plan', metadata: { name: 'web' }, spec: { source: 'vc1' } });
    expect((await as('viewer', ['get', 'nm', '-o', 'yaml'])).out).toContain('kind: NetworkMap');
    const none = await as('viewer', ['get', 'migrations']);
    expect(none).toMatchObject({ code: 0, out: '', err: 'No migrations found\n' });
  });

  it('get - what does not exist is 4; an unknown kind is a wrong use', async () => {
    const missing = await as('viewer', ['get', 'plan', 'none']);
    expect(missing.code).toBe(4);
    expect(missing.err).toMatch(
      /^error: there is no plan none\n {2}fix: .*\n {2}code: document.not-found \(trace [0-9a-f]{32}\)\n$/,
    );
    expect((await as('viewer', ['get', 'plam'])).code).toBe(2);
    expect((await as('viewer', ['watch', 'none'])).code).toBe(4);
  });

  it('exit codes - denied is 5, without a token too; unreachable is 6; a service that is missing as well', async () => {
    const denied = await as('viewer', ['delete', 'plan', 'web']);
    expect(denied).toMatchObject({ code: 5, err: expect.stringContaining('this needs operator') });
    expect((await tranship(['get', 'plans', '--server', stack.server])).code).toBe(5);
    expect((await tranship(['get', 'plans', '--server', 'http://127.0.0.1:1'])).code).toBe(6);
    expect(await as('viewer', ['get', 'providers'])).toMatchObject({
      code: 6,
      err: expect.stringContaining('inventory is not running'),
    });
    expect((await as('viewer', ['validate', 'web'])).code).toBe(6);
  });

  it('exit codes - what is no rate, and a page of what is no report, are refused before anything is done: 2', async () => {
    for (const rate of ['0', '-3', 'fast', ''])
      expect((await as('operator', ['throttle', 'web', '--mbps', rate])).code).toBe(2);
    expect((await as('operator', ['throttle', 'web'])).code).toBe(2);
    expect((await as('operator', ['throttle', 'web', '--mbps', 'off'])).code).toBe(4);
    expect(await as('operator', ['delete', 'plan', 'web', '-o', 'html'])).toMatchObject({
      ...{ code: 2, out: '', err: expect.stringContaining('report') },
    });
    expect((await as('viewer', ['report', 'web', '-o', 'html'])).code).toBe(4);
  });

  it('exit codes - the time of --timeout is over: 7', async () => {
    const { code, err } = await as('viewer', ['events', '--follow', '--timeout', '1s']);
    expect(code).toBe(7);
    expect(err).toContain('--timeout');
  });

  it('events - the past, by subject and time; an object a line for machines', async () => {
    const { out } = await as('viewer', ['events', '--subject', 'plan.>']);
    expect(
      out
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(/ +/)[1]),
    ).toEqual(['plan.accepted', 'plan.changed']);
    const lines = (await as('viewer', ['events', '--since', '1h', '-o', 'json'])).out.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).type)).toContain('map.stored');
    expect(await as('viewer', ['events', '--subject', 'provider.>'])).toEqual({ code: 0, out: '', err: '' });
  });

  it('events - followed through a restart of the gateway and of NATS, without a gap', async () => {
    const following = ['events', '--follow', '--subject', 'map.>', '-o', 'json', '--timeout', '50s'];
    const { promise: connected, resolve } = Promise.withResolvers<void>();
    const followed = as('viewer', following, undefined, (out, end) => {
      resolve();
      if (out.includes('"three"')) end();
    });
    await connected;
    const store = (name: string) => as('operator', ['apply', '-f', '-'], maps.replaceAll('nets', name));
    await store('one');
    await stack.kill('gateway');
    await stack.startService('gateway');
    await store('two');
    await stack.kill('nats');
    await stack.startNats();
    await expect.poll(async () => (await store('three')).code, { timeout: 15_000, interval: 500 }).toBe(0);
    const { out } = await followed;
    const told = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; data: { metadata: { name: string } } });
    expect(told.map(({ seq }) => seq)).toEqual([...new Set(told.map(({ seq }) => seq))].sort((a, b) => a - b));
    expect(told.map(({ data }) => data.metadata.name)).toEqual(expect.arrayContaining(['nets', 'one', 'two', 'three']));
  });

  it('get - watched: what is there, then what is new or has changed', async () => {
    const { promise: shown, resolve } = Promise.withResolvers<void>();
    const watched = as('viewer', ['get', 'nm', '--watch', '--timeout', '50s'], undefined, (out, end) => {
      if (out.includes('nets')) resolve();
      if (/^fresh +vc1 +0/m.test(out)) end();
    });
    await shown;
    const fresh = maps.split('---')[0]!.replaceAll('nets', 'fresh');
    await as('operator', ['apply', '-f', '-'], fresh);
    await as('operator', ['apply', '-f', '-'], fresh.replace(/entries:[\s\S]*/, 'entries: []\n'));
    const { out } = await watched;
    expect(out.match(/^NAME +SOURCE +ENTRIES +AGE$/gm)).toHaveLength(1);
    expect(out.match(/^nets /gm)).toHaveLength(1);
    const one = await as('viewer', ['get', 'nm', 'fresh', '-w', '-o', 'json'], undefined, (_, end) => end());
    expect(JSON.parse(one.out)).toMatchObject({ metadata: { name: 'fresh' } });
  });

  it('delete - by dry run it stays; removed it is not there', async () => {
    expect((await as('operator', ['delete', 'plan', 'web', '--dry-run'])).out).toBe('plan/web deleted (dry run)\n');
    expect((await as('operator', ['delete', 'plan', 'none', '--dry-run'])).code).toBe(4);
    expect((await as('operator', ['delete', 'plan', 'web'])).out).toBe('plan/web deleted\n');
    expect((await as('operator', ['delete', 'plan/web'])).code).toBe(4);
    expect((await as('operator', ['delete', 'migration', 'x'])).code).toBe(2);
  });
});

describe('migrations that are laid into the log', () => {
  beforeAll(async () => {
    const began = ['vm.admitted', 'vm.prepared'] as const;
    const queued = event('vm.queued', { plan: 'laid', type: 'cold' });
    const done = [queued, ...began, ...moved];
    await layMigration(stack.log, { id: 'laid-1', plan: 'laid', vms: { good: done } });
    await layMigration(stack.log, {
      ...{ id: 'laid-2', plan: 'laid', open: true },
      vms: { good: done, 'not well': [queued, ...began, ...unwell] },
    });
    const heard = async () => expect((await as('viewer', ['get', 'migration', 'laid-2'])).code).toBe(0);
    await vi.waitFor(heard, { timeout: 20_000, interval: 500 });
  });

  it('watch - one that is over is told with its end: 0', async () => {
    const watched = await as('viewer', ['watch', 'laid-1']);
    expect(watched).toMatchObject({ code: 0, out: expect.stringMatching(/ good succeeded/) });
    expect(watched.err).toMatch(/^laid-1 succeeded in .*: 1 succeeded\n$/);
    expect(await as('viewer', ['wait', 'laid-1', '--quiet'])).toEqual({ code: 0, out: '', err: '' });
  });

  it('wait, watch - where nothing moves and a person must decide they end with 3, and tell the VM and the ways', async () => {
    const [waited, watched] = await Promise.all([
      as('viewer', ['wait', 'laid-2', '--for=succeeded']),
      as('viewer', ['watch', 'laid-2']),
    ]);
    for (const { code, err } of [waited, watched]) {
      expect(code).toBe(3);
      expect(err).toMatch(
        /^error: laid-2 waits for a person, for 1 of its 2 VMs\n {2}not well is decision-needed: \w+\./,
      );
      expect(err).toContain("tranship retry laid-2 'not well': ");
      expect(err).toContain("tranship rollback laid-2 'not well': ");
    }
    expect(watched.out).toMatch(/ not well decision-needed/);
  });
});

describe('what every command is told', () => {
  it('-o wide - has more columns than the table', async () => {
    await as('operator', ['apply', '-f', '-'], plan);
    expect((await as('viewer', ['get', 'plans', '-o', 'wide'])).out).toMatch(
      /^NAME +SOURCE +TARGET +VMS +TYPE +GENERATION +AGE\nweb +vc1 +apps +1 +cold +1 /,
    );
  });

  it('--context - of the configuration, though it is called as a verb is; one that is not there is a wrong use', async () => {
    const contexts = { lab: { server: stack.server, tokenFile: stack.tokenFile('viewer') }, other: {} };
    const env = { TRANSHIP_CONFIG: file('config.yaml', JSON.stringify({ 'current-context': 'other', contexts })) };
    expect((await tranship(['--context', 'lab', 'get', 'plans', '-o', 'name'], { env })).out).toBe('plan/web\n');
    expect(await tranship(['--context', 'none', 'get', 'plans'], { env })).toMatchObject({
      ...{ code: 2, err: expect.stringContaining('known are: lab, other') },
    });
  });

  it('--quiet - leaves results and errors', async () => {
    const empty = ['get', 'plans', '-l', 'team=none'];
    expect((await as('viewer', empty)).err).toBe('No plans found\n');
    expect(await as('viewer', [...empty, '--quiet'])).toEqual({ code: 0, out: '', err: '' });
    expect((await as('viewer', ['get', 'plan', 'none', '--quiet'])).err).toContain('error: ');
  });

  it('colours - on a terminal alone, and not with NO_COLOR or --no-color', async () => {
    const doctor = ['doctor', '--server', 'http://127.0.0.1:1'];
    expect(await onTerminal(doctor)).toContain('\u001b[');
    expect(await onTerminal(doctor, { NO_COLOR: '1' })).not.toContain('\u001b[');
    expect(await onTerminal([...doctor, '--no-color'])).not.toContain('\u001b[');
    expect((await tranship(doctor)).out).not.toContain('\u001b[');
  });

  it('--certificate-authority - a gateway is judged by it; without, it is not spoken to', async () => {
    const [key, cert] = [join(stack.dir, 'tls.key'), join(stack.dir, 'tls.crt')];
    const name = ['-subj', '/CN=gateway', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', key, '-out', cert, ...name], {
      ...{ stdio: 'ignore', timeout: 20_000 },
    });
    const front = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, answer) =>
      answer.setHeader('content-type', 'application/json').end('{"items":[]}'),
    );
    await new Promise<void>((listening) => front.listen(0, '127.0.0.1', listening));
    try {
      const get = ['get', 'plans', '--server', `https://127.0.0.1:${(front.address() as AddressInfo).port}`];
      expect((await tranship([...get, '--certificate-authority', cert])).code).toBe(0);
      expect(await tranship(get)).toMatchObject({ code: 6, err: expect.stringContaining('certificate') });
      expect((await tranship([...get, '--certificate-authority', '/nonexistent'])).code).toBe(2);
    } finally {
      front.close();
    }
  });
});
