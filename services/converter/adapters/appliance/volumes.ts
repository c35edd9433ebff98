import type { FileSystemKind } from '../../domain/superblock.ts';
import type { Unreached, Volume } from '../../domain/volumes.ts';
import type { OpenVolume } from '../../ports.ts';
import type { Probe } from '../disks.ts';
import type { Appliance } from './appliance.ts';
import { ApplianceFs } from './appliance-fs.ts';
import { quote, structures } from './words.ts';

/** What the appliance's kernel is let mount for its files. */
const mountable: readonly (FileSystemKind | undefined)[] = ['ext', 'xfs', 'btrfs', 'vfat'];
const kinds: Readonly<Record<string, FileSystemKind>> = {
  ...{ ext2: 'ext', ext3: 'ext', ext4: 'ext', xfs: 'xfs', btrfs: 'btrfs', vfat: 'vfat', swap: 'swap', ntfs: 'ntfs' },
  crypto_LUKS: 'luks',
};
const maxSubvolumes = 200;

/** Opens volumes through an appliance. */
export const openIn = (appliance: Appliance): OpenVolume => {
  const open: OpenVolume = (volume, subvolume) => {
    const kind = volume.fileSystem?.kind;
    if (kind === undefined || !mountable.includes(kind)) return undefined;
    return new ApplianceFs(appliance, appliance.deviceOf(volume), kind, kind === 'btrfs' ? subvolume : undefined);
  };
  return Object.assign(open, { subvolumes: (volume: Volume) => subvolumesIn(appliance, volume) });
};

async function subvolumesIn(appliance: Appliance, volume: Volume): Promise<string[]> {
  if (volume.fileSystem?.kind !== 'btrfs') return [];
  const said = await appliance.within(appliance.deviceOf(volume), 'noatime', (fish) =>
    fish.ask('btrfs-subvolume-list', [quote('/')]),
  );
  return structures(said)
    .flatMap((each) => each.get('btrfssubvolume_path') ?? [])
    .slice(0, maxSubvolumes);
}

/** The disks with the logical volumes that lie in no one run: the appliance's own LVM has put them together. */
export async function withVolumes(appliance: Appliance, { disks, unreached }: Probe): Promise<Probe> {
  if (unreached.length === 0) return { disks, unreached };
  const active = new Set((await appliance.ask('lvs')).split('\n'));
  const found: Volume[] = [];
  const left: Unreached[] = [];
  for (const each of unreached) {
    const { group, name } = each;
    const lv = { group, name };
    const place: Volume = { disk: disks[0]!.index, offset: 0, length: 0, lv, scattered: true };
    const device = appliance.deviceOf(place);
    if (!active.has(device)) {
      left.push(each);
      continue;
    }
    const about = async (command: string) => (await appliance.ask(command, quote(device))).trim();
    const kind = kinds[await about('vfs-type')];
    found.push({
      ...place,
      length: Number(await about('blockdev-getsize64')),
      ...(kind ? { fileSystem: { kind, uuid: await about('vfs-uuid'), label: await about('vfs-label') } } : {}),
    });
  }
  const [first, ...rest] = disks;
  return { disks: [{ ...first!, volumes: [...first!.volumes, ...found] }, ...rest], unreached: left };
}
