import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '@tranship/kube';
import { systemClock } from '@tranship/service-kit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../lab/testing/control-plane.ts';
import { until } from './testing/world.ts';

let plane: ControlPlane;
/** Straight to the API server, and through a line that can be cut. */
let direct: Cluster;
let through: Cluster;
let line: Server;
let stop: AbortController;
const sockets = new Set<Socket>();
const namespace = 'default';
let names = 0;

beforeAll(async () => {
  plane = await startControlPlane(['garbage-collector-controller']);
  const text = readFileSync(plane.kubeconfig, 'utf8');
  const port = Number(/https:\/\/127\.0\.0\.1:(\d+)/.exec(text)![1]);
  line = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    for (const [one, other] of [[from, to] as const, [to, from] as const]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((done) => line.listen(0, '127.0.0.1', done));
  const cuttable = join(plane.dir, 'cuttable.kubeconfig');
  writeFileSync(cuttable, text.replace(`:${port}`, `:${(line.address() as { port: number }).port}`), { mode: 0o600 });
  direct = Cluster.open(plane.kubeconfig);
  through = Cluster.open(cuttable);
  await until('the namespace', () => direct.get('Namespace', namespace));
});
afterEach(() => stop?.abort());
afterAll(async () => {
  line?.close();
  cut();
  await plane?.stop();
});

const cut = () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
};
const secret = (name: string, labels: Record<string, string> = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels } },
});

/** What a watch shows, as it goes on. */
function following(labels: string) {
  stop = new AbortController();
  const shown: string[][] = [];
  const follow = async () => {
    for await (const all of through.watch(
      { kind: 'Secret', namespace, labels },
      { clock: systemClock, signal: stop.signal },
    ))
      shown.push(all.map(({ metadata }) => metadata.name).sort());
  };
  return { shown, done: follow(), last: () => shown.at(-1) };
}

test('watch - what is there, what comes, changes and goes; others are not shown', async () => {
  const labels = { course: `w${++names}` };
  await direct.apply(secret(`a-${names}`, labels));
  const { last, shown, done } = following(`course=w${names}`);
  await expect.poll(last).toEqual([`a-${names}`]);
  await direct.apply(secret(`b-${names}`, labels));
  await direct.apply(secret(`other-${names}`));
  await expect.poll(last).toEqual([`a-${names}`, `b-${names}`]);
  await direct.remove('Secret', `a-${names}`, namespace);
  await expect.poll(last, { timeout: 20_000 }).toEqual([`b-${names}`]);
  expect(shown.flat()).not.toContain(`other-${names}`);
  stop.abort();
  await done;
});

test('watch - cut, it goes on: what happened meanwhile is not missed', async () => {
  const labels = { course: `w${++names}` };
  const { last } = following(`course=w${names}`);
  await expect.poll(last).toEqual([]);
  for (let i = 0; i < 3; i++) {
    cut();
    await direct.apply(secret(`cut-${names}-${i}`, labels));
    const all = Array.from({ length: i + 1 }, (_, n) => `cut-${names}-${n}`);
    await expect.poll(last, { timeout: 20_000 }).toEqual(all);
  }
});

test('watch - a kind that is not there is told at once', async () => {
  const seen = through.until({ kind: 'VirtualMachine', namespace, name: 'x' }, () => undefined, {
    ...{ deadlineMs: 20_000, clock: systemClock, signal: new AbortController().signal },
  });
  await expect(seen).rejects.toMatchObject({ code: 'kube.not-found' });
});

test('until - the first answer, also of what is there already; nothing by the deadline; the abort throws', async () => {
  const name = `u-${++names}`;
  const waiting = (deadlineMs: number, signal = new AbortController().signal) => ({
    ...{ deadlineMs, clock: systemClock, signal },
  });
  const watched = { kind: 'Secret', namespace, name } as const;
  const there = through.until(watched, ([found]) => found?.metadata.name, waiting(20_000));
  await sleep(200);
  await direct.apply(secret(name));
  expect(await there).toBe(name);
  expect(await through.until(watched, ([found]) => found?.metadata.name, waiting(20_000))).toBe(name);
  const began = Date.now();
  expect(await through.until(watched, () => undefined, waiting(300))).toBeUndefined();
  expect(Date.now() - began).toBeLessThan(5_000);
  const aborted = AbortSignal.timeout(300);
  await expect(through.until(watched, () => undefined, waiting(20_000, aborted))).rejects.toThrow();
});

test('faults - somebody was faster: a conflict that is worth another try; an unknown field is refused', async () => {
  const name = `f-${++names}`;
  const { metadata } = await direct.apply(secret(name));
  await direct.merge('Secret', name, namespace, { metadata: { labels: { a: 'b' } } });
  const late = { metadata: { resourceVersion: metadata.resourceVersion, labels: { a: 'c' } } };
  await expect(direct.merge('Secret', name, namespace, late)).rejects.toMatchObject({
    ...{ code: 'kube.conflict', retry: true },
  });
  await expect(direct.merge('Secret', name, namespace, { metadate: {} })).rejects.toMatchObject({
    ...{ code: 'kube.rejected', retry: false },
  });
  await expect(direct.merge('Secret', 'absent', namespace, {})).rejects.toMatchObject({ code: 'kube.not-found' });
});
