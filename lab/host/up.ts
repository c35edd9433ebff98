import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../node/settings.ts';
import { ownerOf } from '../setup/owner.ts';
import { type Lab, labFile, runningLab, stateDir, writeWhole } from '../state.ts';
import { firstChild, hold } from './holder.ts';
import { wire, withSubnet } from './network.ts';
import { setUp } from './set-up.ts';
import { sweep } from './sweep.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const readyMs = 600_000;

export interface UpOptions {
  readonly world: string;
  /** vSphere and NATS alone, where no pod is needed. */
  readonly cluster?: boolean;
  /** Images of our own that the node shall hold. */
  readonly images?: readonly string[];
  readonly onProgress?: (line: string) => void;
  /** Once aborted, nothing more is started; what runs is for `down` to end. */
  readonly signal?: AbortSignal;
}

/** Starts a lab and leaves it running; gives what others need of it. */
export async function up({
  world,
  cluster = true,
  images = [],
  onProgress = () => {},
  signal,
}: UpOptions): Promise<Lab> {
  if (runningLab()) throw new Error('a lab is running: `lab down` ends it');
  const made = await setUp(world, cluster);
  await sweep(stateDir);
  signal?.throwIfAborted();
  for (const name of ['kubelet', 'log']) mkdirSync(join(stateDir, name), { recursive: true });
  const begun = await withSubnet((n) => {
    const address = `10.89.${n}.2`;
    const settings: Settings = {
      dir: stateDir,
      address,
      bin: made.bin,
      kubevirtBin: made.kubevirtBin,
      images: [...made.images, ...images],
      world: resolve(world),
      repository,
      cluster,
    };
    writeFileSync(join(stateDir, 'settings.json'), JSON.stringify(settings));
    signal?.throwIfAborted(); // from here on `down` finds the holder, however this process ends
    const holder = hold(stateDir, address);
    return orKill(holder, async () => {
      const init = await firstChild(stateDir, holder);
      await wire(n, init);
      return { holder, init };
    });
  });
  return orKill(begun.holder, async () => {
    await ready(begun.holder, onProgress);
    signal?.throwIfAborted();
    const told = JSON.parse(readFileSync(`${labFile(stateDir)}.inside`, 'utf8')) as Lab;
    const lab = { ...told, holder: ownerOf(begun.holder.pid!), init: begun.init };
    writeWhole(labFile(stateDir), JSON.stringify(lab, null, 1));
    return lab;
  });
}

/** Half a lab goes with its holder. */
async function orKill<T>(holder: ChildProcess, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    holder.kill('SIGKILL');
    throw error;
  }
}

/** Hands the lab's own progress on until it is ready. */
async function ready(holder: ChildProcess, onProgress: (line: string) => void): Promise<void> {
  const file = join(stateDir, 'progress');
  const end = Date.now() + readyMs;
  let shown = 0;
  while (Date.now() < end) {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    for (; shown < lines.length; shown++) onProgress(lines[shown]!);
    const last = lines.at(-1) ?? '';
    if (last.endsWith('READY')) return;
    if (last.includes('FAILED'))
      throw new Error(`the lab did not start: ${last.split('FAILED ')[1]} (logs: ${stateDir}/log)`);
    if (holder.exitCode !== null || holder.signalCode !== null)
      throw new Error(`the lab ended while it started (logs: ${stateDir}/log)`);
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`the lab was not ready within ${readyMs / 1000} s (logs: ${stateDir}/log)`);
}
