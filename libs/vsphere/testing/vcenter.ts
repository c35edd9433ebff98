import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../lab/testing/vcenter-program.ts', import.meta.url));

interface Facts {
  readonly url: string;
  readonly ca: string;
  readonly thumbprint: string;
  readonly username: string;
  readonly password: string;
  readonly control: string;
  readonly dir: string;
}

/** A real vcsim of one's own; a child starts it, because libraries know nothing of the lab. */
export interface VCenter extends Facts {
  /** Asks the simulator's control port. */
  tell(path: string, body?: object): Promise<void>;
  stop(): Promise<void>;
}

export async function startVCenter(world: object): Promise<VCenter> {
  const child = spawn(process.execPath, [program, JSON.stringify(world)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface(child.stdout);
  const first = once(lines, 'line') as Promise<[string]>;
  const [line] = await Promise.race([first, ended.then(() => Promise.reject(new Error('vcsim did not start')))]);
  const facts = JSON.parse(line) as Facts;
  return {
    ...facts,
    tell: async (path, body) => {
      const response = await fetch(`${facts.control}${path}`, {
        method: body === undefined && path.startsWith('/faults') ? 'DELETE' : 'POST',
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
