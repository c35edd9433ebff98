import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../setup/shell.ts';
import type { WorldVm } from '../world/schema.ts';
import { rootOffset } from './base.ts';

/** Names that VMware's slots give: see the QEMU arguments. */
const nicNames = ['ens192', 'ens224', 'ens256'];

/** The files that make a guest one of its own. */
export function ownFiles(vm: WorldVm): Record<string, string> {
  const nics = [...(vm.network ? [vm.network] : []), ...vm.networks];
  const stanzas = nics.map((nic, i) => {
    if (nic.address === undefined) return `auto ${nicNames[i]}\niface ${nicNames[i]} inet manual\n`;
    const gateway = 'gateway' in nic && nic.gateway ? `    gateway ${nic.gateway}\n` : '';
    return `auto ${nicNames[i]}\niface ${nicNames[i]} inet static\n    address ${nic.address}\n${gateway}`;
  });
  return {
    '/etc/hostname': `${vm.name}\n`,
    '/etc/hosts': `127.0.0.1 localhost ${vm.name}\n`,
    '/etc/network/interfaces': ['auto lo\niface lo inet loopback\n', ...stanzas].join('\n'),
  };
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
    await run('debugfs', ['-w', '-f', script, `${file}?offset=${rootOffset[vm.firmware]}`]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
