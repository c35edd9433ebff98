import { readdirSync, readFileSync } from 'node:fs';
import { run } from '../setup/shell.ts';
import type { Lab } from '../state.ts';

/** What a TCP service in the lab's network says first, as seen by a neighbour on the same LAN. Empty: no answer in time. */
export async function hear(lab: Lab, host: string, port: number, seconds = 3): Promise<string> {
  const script = `exec 3<>/dev/tcp/${host}/${port}; head -n 1 <&3`;
  const flags = ['-t', String(lab.init), '-n', 'timeout', String(seconds), 'bash', '-c', script];
  return (await run('nsenter', flags, { deadlineMs: (seconds + 2) * 1000 }).catch(() => '')).trim();
}

/** Kills the lab's processes whose command line holds these words, in pods too, as a crash or the kernel would. How many there were. */
export function kill(lab: Lab, words: string): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const parents = new Map(processes.map((pid) => [pid, parentOf(pid)]));
  const below = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === lab.init || below(parents.get(pid)));
  const found = processes.filter((pid) => read(pid, 'cmdline').replaceAll('\0', ' ').includes(words) && below(pid));
  for (const pid of found) process.kill(pid, 'SIGKILL');
  return found.length;
}

const parentOf = (pid: number) => Number(read(pid, 'stat').split(') ').at(-1)?.split(' ')[1] ?? 0);

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}
