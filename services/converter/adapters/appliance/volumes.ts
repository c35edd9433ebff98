import type { FileSystemKind } from '../../domain/superblock.ts';
import type { Volume } from '../../domain/volumes.ts';
import type { OpenVolume } from '../../ports.ts';
import type { Probe } from '../disks.ts';
import type { LuksKey } from '../luks-keys.ts';
import type { Appliance } from './appliance.ts';
import { ApplianceFs } from './appliance-fs.ts';
import { Failed } from './fish.ts';
import { quote, structures } from './words.ts';

/** What the appliance's kernel is let mount for its files. */
const mountable: readonly (FileSystemKind | undefined)[] = ['ext', 'xfs', 'btrfs', 'vfat'];
const kinds: Readonly<Record<string, FileSystemKind>> = {
  ...{ ext2: 'ext', ext3: 'ext', ext4: 'ext', xfs: 'xfs', btrfs: 'btrfs', vfat: 'vfat', swap: 'swap', ntfs: 'ntfs' },
  ...{ crypto_LUKS: 'luks', LVM2_member: 'lvm' },
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

/**
 * The disks with what lies in no one run of plain bytes: logical volumes that the appliance's own LVM has put together, and
 * the insides of encrypted volumes that a key fits, and what these hold in turn.
 */
export async function withVolumes(appliance: Appliance, { disks, unreached }: Probe): Promise<Probe> {
  const [first, ...rest] = disks;
  const keys = [...appliance.keys];
  const all = disks.flatMap(({ volumes }) => volumes);
  const found: Volume[] = [];
  const add = (volume: Volume) => {
    all.push(volume);
    found.push(volume);
  };
  /** Encrypted ones that no key fits, as they were and as they are told. */
  const closed = new Map<Volume, Volume>();
  let active = unreached.length === 0 ? [] : await logicalVolumes(appliance);
  for (let opened = 1; opened > 0; ) {
    const isKnown = (lv: string) => all.some((volume) => volume.lv && appliance.deviceOf(volume) === lv);
    for (const lv of active.filter((each) => !isKnown(each))) {
      const volume = await assembled(appliance, first!.index, lv);
      if (volume) add(volume);
    }
    opened = 0;
    if (keys.length === 0) break;
    for (const volume of all.filter(({ fileSystem }) => fileSystem?.kind === 'luks')) {
      if (closed.has(volume) || all.some((each) => each.opened?.of === volume)) continue;
      const inside = await unlocked(appliance, keys, volume, `tranship_${all.length}`);
      if (typeof inside === 'string') closed.set(volume, { ...volume, closed: inside });
      else {
        add(inside);
        opened++;
      }
    }
    if (opened > 0) {
      await appliance.ask('lvm-scan', 'true');
      active = await logicalVolumes(appliance);
    }
  }
  const telling = (volume: Volume) => closed.get(volume) ?? volume;
  return {
    disks: [
      { ...first!, volumes: [...first!.volumes, ...found].map(telling) },
      ...rest.map((disk) => ({ ...disk, volumes: disk.volumes.map(telling) })),
    ],
    unreached: unreached.filter(({ group, name }) => !found.some(({ lv }) => lv?.group === group && lv.name === name)),
  };
}

const logicalVolumes = async (appliance: Appliance) => (await appliance.ask('lvs')).split('\n').filter(Boolean);

/** A logical volume; undefined where it is not up, as parts of it are missing. */
async function assembled(appliance: Appliance, disk: number, device: string): Promise<Volume | undefined> {
  const [, group, name] = /^\/dev\/([^/]+)\/([^/]+)$/.exec(device) ?? [];
  if (!group || !name) return undefined;
  try {
    return await examined(appliance, { disk, offset: 0, length: 0, lv: { group, name }, scattered: true });
  } catch (error) {
    if (error instanceof Failed && /: No such file or directory$/.test(error.detail)) return undefined;
    throw error;
  }
}

const maxTold = 5;
const told = (keys: readonly LuksKey[]) =>
  keys
    .slice(0, maxTold)
    .map(({ name }) => name)
    .join(', ') + (keys.length > maxTold ? ' …' : '');

/** The inside of an encrypted volume, opened by the first key that fits; or why none does. */
async function unlocked(appliance: Appliance, keys: LuksKey[], of: Volume, as: string): Promise<Volume | string> {
  const whys = new Set<string>();
  for (const key of [...keys]) {
    const why = await appliance.open(appliance.deviceOf(of), as, key);
    if (why === undefined) {
      // The next volume has often the same, and a try is dear.
      keys.unshift(...keys.splice(keys.indexOf(key), 1));
      return examined(appliance, { disk: of.disk, offset: 0, length: 0, scattered: true, opened: { of, as } });
    }
    whys.add(why);
  }
  return `none of the keys opens it (${told(appliance.keys)}): ${[...whys].join('; ')}`;
}

/** A volume with what the appliance sees in it. */
async function examined(appliance: Appliance, place: Volume): Promise<Volume> {
  const device = quote(appliance.deviceOf(place));
  const about = async (command: string) => (await appliance.ask(command, device)).trim();
  const kind = kinds[await about('vfs-type')];
  return {
    ...place,
    length: Number(await about('blockdev-getsize64')),
    ...(kind ? { fileSystem: { kind, uuid: await about('vfs-uuid'), label: await about('vfs-label') } } : {}),
  };
}
