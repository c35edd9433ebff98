import './lab-dir.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Story } from '../e2e/story.ts';
import { down } from '../lab/host/down.ts';
import { up } from '../lab/host/up.ts';

export interface BenchVm {
  readonly name: string;
  readonly power: 'on' | 'off';
  readonly guest?: string;
  readonly network?: { readonly mac: string; readonly address: string; readonly gateway: string };
  readonly disks: readonly { readonly sizeGB: number; readonly fill?: string }[];
}

/** VMs that run, without a guest: what they hold is moved, and nothing of it boots. */
export const blanks = (prefix: string, count: number): BenchVm[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ name: `${prefix}-${i}`, power: 'on' },
    disks: [{ sizeGB: 0.0625, fill: 'random:16MB' }],
  }));

/** A lab of its own with the services on it, for as long as `work` takes; nothing of it stays, however it ends. */
export async function withLab<T>(vms: readonly BenchVm[], work: (story: Story) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tranship-bench-'));
  const world = join(folder, 'world.yaml');
  writeFileSync(world, JSON.stringify({ kind: 'World', spec: { seed: 3, vms } }));
  const interrupted = new AbortController();
  const end = () => {
    interrupted.abort(new Error('interrupted'));
    void down().finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  try {
    await down();
    await up({ world, signal: interrupted.signal, onProgress: (line) => console.error(`  lab ${line}`) });
    const story = await Story.begin();
    return await work(story).finally(() => story.end());
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
    await down();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What both sides of a cutover of a blank VM have in common: it hears no shutdown, and there is nothing to convert. */
export const blankDefaults = {
  ...{ shutdown: { deadline: '1s', then: 'powerOff' }, convert: 'none', diskBus: 'virtio', nicModel: 'virtio' },
} as const;
