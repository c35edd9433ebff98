import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../testing/control-plane.ts';
import { Provisioner } from './provisioner.ts';

const driver = 'lab.tranship.dev/local';
let plane: ControlPlane;
const stop = new AbortController();
let ended: Promise<void>;

const create = (...items: object[]) => {
  const file = join(plane.dir, 'objects.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return plane.kubectl('create', '-f', file);
};
const classOf = (name: string, capacityGB: string) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner: driver,
  parameters: { volumeMode: 'Filesystem', capacityGB },
});
const claim = (name: string, storageClassName: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, annotations: { 'volume.kubernetes.io/storage-provisioner': driver } },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});
/** The claims whose volumes there are. */
const provided = async () =>
  (await plane.kubectl('get', 'pv', '-o', 'jsonpath={.items[*].spec.claimRef.name}')).split(' ').filter(Boolean);

beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  plane = await startControlPlane(['persistentvolume-protection-controller']);
  await create(classOf('two', '2'));
});
afterAll(async () => {
  stop.abort();
  await ended;
  await plane.stop();
});

test('provisioner - a claim whose class is gone holds none up; told once; room is reckoned within a round', async () => {
  await create(claim('a-lost', 'gone'), ...['b', 'c', 'd'].map((name) => claim(name, 'two')));
  ended = new Provisioner(plane.kubeconfig, join(plane.dir, 'volumes')).run(stop.signal);
  await expect.poll(provided).toEqual(expect.arrayContaining(['b', 'c']));
  await expect.poll(() => plane.kubectl('get', 'events', '-o', 'jsonpath={.items[*].involvedObject.name}')).toBe('d');
  expect(await provided()).toHaveLength(2);
  const told = vi.mocked(console.error).mock.calls.filter(([text]) => String(text).includes('default/a-lost'));
  expect(told).toHaveLength(1);
});

test('provisioner - a volume that cannot be removed holds no other up, and is tried again', async () => {
  const volumes = async () => (await plane.kubectl('get', 'pv', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ');
  const [stuck = '', free = ''] = await volumes();
  const inTheWay = join(plane.dir, 'volumes', `${stuck}.raw`);
  mkdirSync(inTheWay);
  const released = JSON.stringify({ status: { phase: 'Released' } });
  for (const name of [stuck, free])
    await plane.kubectl('patch', 'pv', name, '--subresource=status', '--type=merge', '-p', released);
  // Its place is taken by the claim that had no room before.
  await expect.poll(volumes).toEqual(expect.not.arrayContaining([free]));
  expect(await volumes()).toContain(stuck);
  rmdirSync(inTheWay);
  await expect.poll(volumes).toEqual(expect.not.arrayContaining([stuck]));
  expect(readdirSync(join(plane.dir, 'volumes'))).not.toContain(stuck);
});
