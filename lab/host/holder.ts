import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const init = fileURLToPath(new URL('../node/init.sh', import.meta.url));

/** The process that holds the namespaces of the lab in `dir`; PID 1 in them is its child, and dies with it. */
export function hold(dir: string, address: string): ChildProcess {
  const node = join(repository, 'node_modules/node/bin/node');
  const main = fileURLToPath(new URL('../node/supervisor.ts', import.meta.url));
  const log = openSync(join(dir, 'log/init.log'), 'a');
  const flags = ['--net', '--pid', '--mount', '--uts', '--fork', '--kill-child=SIGKILL'];
  const child = spawn('unshare', [...flags, 'bash', init, dir, address, node, main], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  return child;
}

/** Found by their command line, which no crash can lose: the holder first, then PID 1 of its namespaces. */
export function holders(dir: string): number[] {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), words: commandLine(name) }))
    .filter(({ words }) => isHolder(words, dir));
  return [
    ...found.filter(({ words }) => words[0] === 'unshare'),
    ...found.filter(({ words }) => words[0] !== 'unshare'),
  ].map(({ pid }) => pid);
}

export function isHolder(words: readonly string[], dir: string): boolean {
  const script = words.findIndex((word) => word.endsWith('/lab/node/init.sh'));
  return script > 0 && words[script + 1] === dir;
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended meanwhile
  }
}

/** PID 1 of the namespaces, once it is there. */
export async function firstChild(dir: string, holder: ChildProcess): Promise<number> {
  for (let i = 0; i < 250; i++) {
    const found = holders(dir).find((pid) => pid !== holder.pid);
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('the lab’s namespaces could not be made: see log/init.log');
}
