import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, Root } from '../../libs/blocks/leaves.ts';
import { run } from '../setup/shell.ts';
import { stateDir } from '../state.ts';
import { kubectlJson } from './kubectl.ts';

/** The bytes of a VM's source disk, as vCenter's datastore holds them. */
export const sourceFile = (datastore: string, vm: string, index: number): string =>
  join(stateDir, 'datastores', datastore, vm, `${vm}${index === 0 ? '' : `_${index}`}-flat.vmdk`);

/** The same, by what vCenter says that the disk lies on: `[datastore] folder/name.vmdk`. */
export function backingFile(backing: string): string {
  const match = /^\[([^\]]+)\] (.+)\.vmdk$/.exec(backing);
  if (!match) throw new Error(`not a file of a datastore: ${backing}`);
  return join(stateDir, 'datastores', match[1]!, `${match[2]}-flat.vmdk`);
}

/** The bytes of a claim, as the provisioner holds them on the node. */
export async function claimFile(namespace: string, claim: string): Promise<string> {
  const pvc = await kubectlJson(['get', 'pvc', claim, '-n', namespace]);
  const pv = await kubectlJson(['get', 'pv', pvc.spec.volumeName]);
  return pv.spec.volumeMode === 'Block' ? pv.spec.local.path : join(pv.spec.local.path, 'disk.img');
}

/** The SHA-256 of the first `bytes` of a disk, zeros where it is shorter; by the machine's own tool. */
export async function digest(file: string, bytes: number): Promise<string> {
  const script =
    '{ head -c "$2" "$1"; s=$(stat -Lc %s "$1"); [ -b "$1" ] || [ "$s" -ge "$2" ] || head -c $(($2 - s)) /dev/zero; } | sha256sum';
  return (await run('bash', ['-c', script, 'bash', file, String(bytes)], { deadlineMs: 300_000 })).split(' ')[0]!;
}

/** The root that a proof of these bytes has, reckoned from a file that the product has no hand in. */
export async function rootOfFile(file: string, bytes: number): Promise<string> {
  const root = new Root(bytes);
  // As the product reads them: what a short file lacks is zeros.
  const chunk = Buffer.alloc(2 * 1024 ** 2);
  const handle = await open(file, 'r');
  try {
    for (let at = 0; at < bytes; at += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, bytes - at)).fill(0);
      await handle.read(part, 0, part.length, at);
      root.add(crc32.sum(part));
    }
  } finally {
    await handle.close();
  }
  return root.hex();
}
