import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../setup/shell.ts';
import type { WorldVm } from '../world/schema.ts';
import { rootOffset } from './base.ts';
import { type Files, naming, networkFiles } from './network.ts';
import { nicNames } from './qemu.ts';

/** The files that make a guest one of its own. */
export function ownFiles(vm: WorldVm): Files {
  const nics = [...(vm.network ? [vm.network] : []), ...vm.networks].map(({ address, ...nic }, i) => ({
    name: nicNames[i]!,
    addresses: address === undefined ? [] : [address],
    ...('gateway' in nic && typeof nic.gateway === 'string' ? { gateway: nic.gateway } : {}),
  }));
  return { ...naming(vm.name), ...networkFiles(vm.network?.manager ?? 'ifupdown', nics) };
}

/** Unpacks a base image and writes a VM's own files into it, without mounting. */
export async function personalise(vm: WorldVm, base: string, file: string): Promise<void> {
  await run('zstd', ['-q', '-d', '-f', '--sparse', base, '-o', file]);
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
