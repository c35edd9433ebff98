import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../setup/shell.ts';
import type { WorldVm } from '../world/schema.ts';
import { isWritable, rootOffset } from './base.ts';
import { ownFiles } from './own-files.ts';

/** Unpacks a base image and writes a VM's own files into it, without mounting. */
export async function personalise(vm: WorldVm, base: string, file: string): Promise<void> {
  await run('zstd', ['-q', '-d', '-f', '--sparse', base, '-o', file]);
  if (!isWritable(vm)) return;
  const folder = mkdtempSync(join(tmpdir(), 'tranship-guest-'));
  try {
    const commands = Object.entries(ownFiles(vm)).flatMap(([path, text], i) => {
      const local = join(folder, String(i));
      writeFileSync(local, text);
      return [
        `rm ${path}`,
        `write ${local} ${path}`,
        `sif ${path} mode 0100644`,
        `sif ${path} uid 0`,
        `sif ${path} gid 0`,
      ];
    });
    const script = join(folder, 'commands');
    writeFileSync(script, `${commands.join('\n')}\n`);
    await run('debugfs', ['-w', '-f', script, `${file}?offset=${rootOffset(vm)}`]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
