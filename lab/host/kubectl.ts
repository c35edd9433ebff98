import { join } from 'node:path';
import { labPrograms } from '../setup/go.ts';
import { run } from '../setup/shell.ts';
import { stateDir } from '../state.ts';

/** `kubectl` as the administrator of the running lab. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const flags = ['kubectl', '--kubeconfig', join(stateDir, 'admin.kubeconfig'), ...args];
  return run(join(await labPrograms(), 'lab'), flags, {
    deadlineMs: 60_000,
    ...(input === undefined ? {} : { input }),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: the schema is the API server's
export const kubectlJson = async (args: readonly string[]): Promise<any> =>
  JSON.parse(await kubectl([...args, '-o', 'json']));
