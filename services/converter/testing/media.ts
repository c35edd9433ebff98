import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from '../../../lab/setup/cache.ts';
import { run } from '../../../lab/setup/shell.ts';

const containerfile = fileURLToPath(new URL('../../../deploy/images/Containerfile.system', import.meta.url));

/** The packages that the product's image lays into guests, as its Containerfile names them. */
export async function agentMedia(): Promise<string> {
  const names = /apt-get download -q (.+?) \\\n/.exec(readFileSync(containerfile, 'utf8'))![1]!.split(' ');
  return cached('guest-agent-media', hashOf(names), async (out) => {
    await run('mkdir', ['-p', `${out}/debian`]);
    await run('apt-get', ['download', '-q', ...names], { cwd: `${out}/debian`, deadlineMs: 120_000 });
  });
}
