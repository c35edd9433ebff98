import type { Process } from './processes.ts';

export interface PartStatus {
  readonly name: string;
  readonly running: boolean;
  readonly pid: number | null;
  readonly rssMB: number;
}

const vsphere = ['supervisor', 'nats', 'vcsim'];
const cluster = [
  ...['etcd', 'apiserver', 'controller-manager', 'scheduler', 'proxy', 'kubelet', 'containerd'],
  ...['virt-api', 'virt-controller', 'virt-handler'],
];

/** The lab's parts, those that are down too; then its guests, and all the rest as one. */
export function parts(processes: readonly Process[], withCluster: boolean): PartStatus[] {
  const expected = withCluster ? [...vsphere, ...cluster] : vsphere;
  const found = new Map<string, Process[]>(expected.map((name) => [name, []]));
  for (const each of processes) {
    const name = partOf(each.words) ?? 'others';
    found.set(name, [...(found.get(name) ?? []), each]);
  }
  return [...found].map(([name, those]) => ({
    name,
    running: those.length > 0,
    // The oldest: what it started itself comes after.
    pid: those[0]?.pid ?? null,
    rssMB: Math.round(those.reduce((sum, { rssMB }) => sum + rssMB, 0)),
  }));
}

export const guestsOf = (all: readonly PartStatus[]): PartStatus[] =>
  all.filter(({ name }) => name.startsWith('guest '));

/** By the command line: a part of the lab binary, a pod's own program, a QEMU. */
export function partOf(words: readonly string[]): string | undefined {
  const [program = '', first = ''] = words;
  const name = program.split('/').at(-1) ?? '';
  if (name === 'lab') return first;
  if (name.startsWith('qemu-system')) return guest(words);
  if (words.some((word) => word.endsWith('/lab/node/supervisor.ts'))) return name === 'node' ? 'supervisor' : undefined;
  return cluster.includes(name) ? name : undefined;
}

function guest(words: readonly string[]): string {
  const title = words[words.indexOf('-name') + 1] ?? '';
  const moved = /guest=([^_,]+)_([^,]+)/.exec(title);
  return moved ? `guest ${moved[1]}/${moved[2]} (KubeVirt)` : `guest ${title} (vSphere)`;
}
