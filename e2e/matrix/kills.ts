import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { find, kill, killNode, signal } from '../../lab/host/inside.ts';
import { kubectl, kubectlJson } from '../../lab/host/kubectl.ts';
import { claimFile } from '../../lab/host/volumes.ts';
import type { Name } from '../../lab/product.ts';
import type { Story } from '../story.ts';
import type { Kill } from './table.ts';

const work = 'tranship-work';
const transfer = 'services/transfer/main.ts';
/** A worker's command comes again after 20 s without a sign of life. */
const beyondLeaseMs = 25_000;
const takeoverMs = 5_000;
const replacedMs = 90_000;

/** Hits once, and mends what nobody else mends. How many were hit. @throws Error where a promise is seen broken */
type Act = (story: Story) => Promise<number>;

const pods = async (): Promise<string[]> =>
  (await kubectlJson(['get', 'pod', '-n', work])).items.map(
    ({ metadata }: { metadata: { name: string } }) => metadata.name,
  );

/** As when its node does not answer: the object goes at once, whatever the processes do. */
async function dropPods(): Promise<number> {
  const names = await pods();
  if (names.length > 0) await kubectl(['delete', 'pod', '-n', work, '--force', '--grace-period=0', ...names]);
  return names.length;
}

async function evict(): Promise<number> {
  const names = await pods();
  for (const name of names) {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: work } };
    await kubectl(
      ['create', '--raw', `/api/v1/namespaces/${work}/pods/${name}/eviction`, '-f', '-'],
      JSON.stringify(eviction),
    );
  }
  return names.length;
}

/** A worker that stands still beyond its lease while its pod is replaced, and then wakes: another may work only once it is gone. */
async function freeze({ lab }: Story): Promise<number> {
  const old = find(lab, transfer).map(({ pid }) => pid);
  for (const pid of old) signal(pid, 'SIGSTOP');
  await sleep(beyondLeaseMs);
  await kubectl(['delete', 'pod', '-n', work, '--all', '--wait=false']);
  const woken = Date.now() + takeoverMs;
  for (const end = Date.now() + replacedMs; Date.now() < end; await sleep(50)) {
    if (Date.now() > woken) for (const pid of old) signal(pid, 'SIGCONT');
    const now = find(lab, transfer).map(({ pid }) => pid);
    if (!now.some((pid) => !old.includes(pid))) continue;
    if (now.some((pid) => old.includes(pid))) throw new Error('a second worker began while the first was still there');
    return old.length;
  }
  throw new Error(`no other worker within ${replacedMs / 1000} s`);
}

async function loseScratch(story: Story): Promise<number> {
  const workers = find(story.lab, transfer).map(({ pid }) => pid);
  for (const pid of workers) signal(pid, 'SIGSTOP');
  const { items } = await kubectlJson(['get', 'pvc', '-n', work]);
  const names = items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  const folder = dirname(
    await claimFile(
      work,
      names.find((name: string) => name.endsWith('-scratch')),
    ),
  );
  const lost = readdirSync(folder);
  for (const name of lost) rmSync(join(folder, name), { recursive: true });
  for (const pid of workers) signal(pid, 'SIGKILL');
  await dropPods();
  return lost.length;
}

/** The worker stands still until it is hit. */
export const held =
  (act: Act): Act =>
  async (story) => {
    const workers = find(story.lab, transfer);
    for (const { pid } of workers) signal(pid, 'SIGSTOP');
    const struck = await act(story);
    for (const { pid } of workers) signal(pid, 'SIGCONT');
    return struck;
  };

const service =
  (name: Name): Act =>
  async ({ product }) => {
    await product.kill(name);
    await product.run(name);
    return 1;
  };

export const acts: Record<Exclude<Kill, 'none'>, Act> = {
  worker: async ({ lab }) => kill(lab, transfer),
  nbdkit: async ({ lab }) => kill(lab, 'nbdkit -f'),
  pod: dropPods,
  eviction: evict,
  frozen: freeze,
  scratch: loseScratch,
  nats: async ({ lab }) => kill(lab, '/lab nats '),
  planner: service('planner'),
  inventory: service('inventory'),
  'vm-builder': service('vm-builder'),
  sessions: async (story) => {
    await story.control('/sessions/expire');
    return 1;
  },
  node: async ({ lab }) => killNode(lab),
};
