import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorldVm } from '../world/schema.ts';
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

/** Writes files below a system's root, before its disk is made of it. */
export function layInto(root: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    // NetworkManager and netplan want their files unread by others.
    writeFileSync(join(root, path), text, { mode: /Network|netplan/.test(path) ? 0o600 : 0o644 });
  }
}
