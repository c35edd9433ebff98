import { run } from '../setup/shell.ts';
import type { Lab } from '../state.ts';
import { below, processes } from './processes.ts';

/** What a TCP service in the lab's network says first, as seen by a neighbour on the same LAN. Empty: no answer in time. */
export async function hear(lab: Lab, host: string, port: number, seconds = 3): Promise<string> {
  const script = `exec 3<>/dev/tcp/${host}/${port}; head -n 1 <&3`;
  const flags = ['-t', String(lab.init), '-n', 'timeout', String(seconds), 'bash', '-c', script];
  return (await run('nsenter', flags, { deadlineMs: (seconds + 2) * 1000 }).catch(() => '')).trim();
}

/** Kills the lab's processes whose command line holds these words, in pods too, as a crash or the kernel would; or stops them. How many there were. */
export function kill(lab: Lab, words: string, signal: 'SIGKILL' | 'SIGSTOP' = 'SIGKILL'): number {
  const found = below(processes(), lab.init).filter((each) => each.words.join(' ').includes(words));
  for (const { pid } of found) process.kill(pid, signal);
  return found.length;
}
