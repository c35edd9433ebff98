import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../node/settings.ts';
import { type Lab, labFile, runningLab, stateDir, writeWhole } from '../state.ts';
import { freeSubnet, wire } from './network.ts';
import { setUp } from './set-up.ts';
import { sweep } from './sweep.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const readyMs = 240_000;

export interface UpOptions {
  readonly world: string;
  /** vSphere and NATS alone, where no pod is needed. */
  readonly cluster?: boolean;
  /** Images of our own that the node shall hold. */
  readonly images?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

/** Starts a lab and leaves it running; gives what others need of it. */
export async function up({ world, cluster = true, images = [], onProgress = () => {} }: UpOptions): Promise<Lab> {
  if (runningLab()) throw new Error('a lab is running: `lab down` ends it');
  const made = await setUp(world, cluster);
  await sweep(stateDir);
  for (const name of ['kubelet', 'log']) mkdirSync(join(stateDir, name), { recursive: true });
  const n = await freeSubnet();
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
  const holder = hold(address);
  try {
    const init = await firstChild(holder);
    writeWhole(join(stateDir, 'pids'), `${holder.pid} ${init}`);
    await wire(n, init);
    await ready(holder, onProgress);
    const lab = { ...(JSON.parse(readFileSync(`${labFile(stateDir)}.inside`, 'utf8')) as Lab), pid: holder.pid!, init };
    writeWhole(labFile(stateDir), JSON.stringify(lab, null, 1));
    return lab;
  } catch (error) {
    holder.kill('SIGKILL');
    throw error;
  }
}

/** The process that holds the namespaces; PID 1 in them is its child, and dies with it. */
function hold(address: string): ChildProcess {
  const node = join(repository, 'node_modules/node/bin/node');
  const init = fileURLToPath(new URL('../node/init.sh', import.meta.url));
  const main = fileURLToPath(new URL('../node/supervisor.ts', import.meta.url));
  const log = openSync(join(stateDir, 'log/init.log'), 'a');
  const flags = ['--net', '--pid', '--mount', '--uts', '--fork', '--kill-child=SIGKILL'];
  const child = spawn('unshare', [...flags, 'bash', init, stateDir, address, node, main], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  return child;
}

async function firstChild(holder: ChildProcess): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const children = existsSync(`/proc/${holder.pid}/task/${holder.pid}/children`)
      ? readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim()
      : '';
    if (children !== '') return Number(children.split(' ')[0]);
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('the lab’s namespaces could not be made: see log/init.log');
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
    if (holder.exitCode !== null) throw new Error(`the lab ended while it started (logs: ${stateDir}/log)`);
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`the lab was not ready within ${readyMs / 1000} s (logs: ${stateDir}/log)`);
}
