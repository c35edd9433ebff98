import type { Appliance } from '../adapters/appliance/appliance.ts';
import { ApplianceFs } from '../adapters/appliance/appliance-fs.ts';
import { openIn, withVolumes } from '../adapters/appliance/volumes.ts';
import type { Probe } from '../adapters/disks.ts';
import { findRoot, openGuest } from './find.ts';

/** Where virt-v2v changes files of its own accord. What packages take along that it removes is not looked at. */
const folders = ['/etc', '/boot'];

/** SHA-256 of the guest's files where another converter may change them, by path; the appliance runs. */
export async function digestsIn(appliance: Appliance, probe: Probe): Promise<Map<string, string>> {
  const found = await withVolumes(appliance, probe);
  const open = openIn(appliance);
  const verdict = await findRoot(found, open);
  if (verdict.kind !== 'root') return new Map();
  const guest = await openGuest(verdict.root, found, open);
  const all = new Map<string, string>();
  for (const { at, fs } of guest.mounts) {
    if (!(fs instanceof ApplianceFs)) continue;
    const inner = folders.flatMap((folder) => {
      if (at === folder || at.startsWith(`${folder}/`)) return ['/'];
      return guest.locate(folder).mount.at === at ? [guest.locate(folder).inner] : [];
    });
    for (const folder of inner)
      for (const [path, sha256] of await fs.digests(folder)) all.set(at === '/' ? path : `${at}${path}`, sha256);
  }
  return all;
}
