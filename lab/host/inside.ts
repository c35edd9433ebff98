import { run } from '../setup/shell.ts';
import type { Lab } from '../state.ts';
import { below, type Process, processes } from './processes.ts';

/** What a TCP service in the lab's network says first, as seen by a neighbour on the same LAN. Empty: no answer in time. */
export async function hear(lab: Lab, host: string, port: number, seconds = 3): Promise<string> {
  const script = `exec 3<>/dev/tcp/${host}/${port}; head -n 1 <&3`;
  const flags = ['-t', String(lab.init), '-n', 'timeout', String(seconds), 'bash', '-c', script];
  return (await run('nsenter', flags, { deadlineMs: (seconds + 2) * 1000 }).catch(() => '')).trim();
}

/** The lab's processes whose command line holds these words, in pods too. */
export const find = (lab: Lab, words: string): Process[] =>
  below(processes(), lab.init).filter((each) => each.words.join(' ').includes(words));

/** Kills them, as a crash or the kernel would; or stops them. How many there were. */
export const kill = (lab: Lab, words: string, name: NodeJS.Signals = 'SIGKILL'): number =>
  signalAll(find(lab, words), name);

/** All pods, containerd and the kubelet at once: what a machine that is reset loses. */
export function killNode(lab: Lab): number {
  const all = below(processes(), lab.init);
  const shims = all.filter(({ words: [program = ''] }) => program.endsWith('containerd-shim-runc-v2'));
  const services = all.filter(({ words: [program = '', first = ''] }) =>
    program.endsWith('/lab') ? first === 'kubelet' : /(^|\/)containerd$/.test(program),
  );
  return signalAll([...services, ...shims.flatMap(({ pid }) => below(all, pid))], 'SIGKILL');
}

function signalAll(those: readonly Process[], name: NodeJS.Signals): number {
  for (const { pid } of those) signal(pid, name);
  return those.length;
}

/** One that has ended meanwhile hears nothing. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
