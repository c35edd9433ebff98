import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { kubevirtPrograms } from '../setup/kubevirt.ts';
import { stateDir } from '../state.ts';
import { kubectl } from './kubectl.ts';

/** What a VM of the target has said on its serial console since it started. */
export const consoleLog = (namespace: string, vm: string): Promise<string> =>
  kubectl(['logs', '-n', namespace, '-l', `vm.kubevirt.io/name=${vm}`, '-c', 'guest-console-log', '--tail=-1']);

/** The last line that a guest of the source has said on its serial console. */
export function lastWords(vm: string): string {
  const file = join(stateDir, 'guests', `${vm}.console`);
  const lines = existsSync(file) ? readFileSync(file, 'latin1').split(/[\r\n]+/) : [];
  // A console speaks to terminals: its colours and moves of the cursor are none of it.
  return lines.map((line) => stripVTControlCharacters(line).trim()).findLast((line) => line !== '') ?? 'nothing yet';
}

/** Sits down at the serial console by virtctl, presses Enter, and waits until it says so. Gives all that it said. */
export async function typeAtConsole(namespace: string, vm: string, until: RegExp, seconds: number): Promise<string> {
  const virtctl = join(await kubevirtPrograms(), 'virtctl');
  const command = `'${virtctl}' console --kubeconfig '${join(stateDir, 'admin.kubeconfig')}' -n ${namespace} ${vm}`;
  // virtctl asks for a terminal; `script` makes one.
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  const enter = setInterval(() => child.stdin.write('\r'), 1_000);
  child.stdin.on('error', () => {}); // it may be gone already
  try {
    return await new Promise<string>((resolve, reject) => {
      setTimeout(
        () => reject(new Error(`the console did not say ${until} within ${seconds} s: ${said}`)),
        seconds * 1000,
      ).unref();
      child.once('exit', () => reject(new Error(`virtctl ended: ${said}`)));
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          said += chunk.toString('latin1');
          if (until.test(said)) resolve(said);
        });
    });
  } finally {
    clearInterval(enter);
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
}
