import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stack, tranship } from './testing/stack.ts';

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

  it('delete - removes; and then it is not there', async () => {
    expect((await as('operator', ['delete', 'plan', 'web'])).out).toBe('plan/web deleted\n');
    expect((await as('operator', ['delete', 'plan/web'])).code).toBe(4);
    expect((await as('operator', ['delete', 'migration', 'x'])).code).toBe(2);
  });
});
