import { join } from 'node:path';
import { run } from '../setup/shell.ts';
import { stateDir } from '../state.ts';
import { kubectlJson } from './kubectl.ts';

/** The bytes of a VM's source disk, as vCenter's datastore holds them. */
export const sourceFile = (datastore: string, vm: string, index: number): string =>
  join(stateDir, 'datastores', datastore, vm, `${vm}${index === 0 ? '' : `_${index}`}-flat.vmdk`);

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
