import { lvNames } from './lvm/volumes.ts';
import type { Disk, Volume } from './volumes.ts';

/** A line of fstab that mounts something. */
export interface FstabEntry {
  readonly spec: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly options: readonly string[];
}

export function parseFstab(text: string): FstabEntry[] {
  return text.split('\n').flatMap((line) => {
    const [spec, mountPoint, type, options = 'defaults'] = line.trim().split(/\s+/);
    if (!spec || !mountPoint || !type || spec.startsWith('#')) return [];
    return [{ spec: spec.replaceAll('"', ''), mountPoint, type, options: options.split(',') }];
  });
}

/** The path of the btrfs subvolume that an entry mounts; undefined: the default one. */
export const subvolumeIn = ({ options }: Pick<FstabEntry, 'options'>): string | undefined =>
  options.find((option) => option.startsWith('subvol='))?.replace(/^subvol=\/*/, '');

/** Names that change with the hardware: by the order of disks, or by the bus they hang on. */
const byOrder = /^\/dev\/(?:sd|hd|xvd)([a-z])(\d*)$/;
const byBus = /^\/dev\/(?:disk\/by-(?:path|id)\/(?!dm-|lvm-|md-)\S+?(?:-part(\d+))?|nvme\d+n\d+(?:p(\d+))?)$/;

/** Whether a device's name will not be the same on KVM. */
export const isUnsteady = (spec: string) => byOrder.test(spec) || byBus.test(spec);

/**
 * The volume that a device name of the guest means; undefined when that cannot be known. `sdb` is taken for the second
 * disk of the VM: whether that holds, {@link steadyNames} decides.
 */
export function volumeOf(spec: string, disks: readonly Disk[]): Volume | undefined {
  const volumes = disks.flatMap((disk) => disk.volumes);
  const [, key, value] = /^(UUID|LABEL|PARTUUID)=(.+)$/.exec(asTag(spec)) ?? [];
  if (key && value) {
    const found = volumes.filter(({ fileSystem, partition }) => {
      if (key === 'PARTUUID') return partition?.uuid === value.toLowerCase();
      return key === 'UUID' ? fileSystem?.uuid.toLowerCase() === value.toLowerCase() : fileSystem?.label === value;
    });
    return found.length === 1 ? found[0] : undefined;
  }
  const logical = volumes.find(({ lv }) => lv && lvNames(lv).includes(spec));
  if (logical) return logical;
  const order = byOrder.exec(spec);
  const bus = byBus.exec(spec);
  if (!order && !(bus && disks.length === 1)) return undefined;
  const disk = order ? disks[order[1]!.charCodeAt(0) - 97] : disks[0];
  const number = Number(order ? order[2] : (bus![1] ?? bus![2])) || undefined;
  return disk?.volumes.find(({ partition }) => partition?.number === number);
}

/** `/dev/disk/by-uuid/X` is `UUID=X`. */
function asTag(spec: string): string {
  const tag = /^\/dev\/disk\/by-(uuid|label|partuuid)\/(.+)$/.exec(spec);
  return tag ? `${tag[1]!.toUpperCase()}=${tag[2]}` : spec;
}

const kinds: Readonly<Record<string, string>> = { ext2: 'ext', ext3: 'ext', ext4: 'ext', msdos: 'vfat' };

/** Whether what fstab says a volume holds is what it holds. */
const agrees = ({ type }: FstabEntry, { fileSystem }: Volume) =>
  type === 'auto' || (kinds[type] ?? type) === fileSystem?.kind;

/** A name for a volume that holds on any hardware, and that no other of these disks has: a copy of a partition bears its UUID. */
export function steadyName({ fileSystem, partition }: Volume, disks: readonly Disk[]): string | undefined {
  const names = [
    ...(fileSystem && fileSystem.uuid !== '' ? [`UUID=${fileSystem.uuid}`] : []),
    ...(partition ? [`PARTUUID=${partition.uuid}`] : []),
  ];
  return names.find((name) => volumeOf(name, disks) !== undefined);
}

export interface SteadyNames {
  /** Device name of the guest -> name that holds. */
  readonly names: ReadonlyMap<string, string>;
  /** Entries of fstab whose device cannot be known. */
  readonly unknown: readonly FstabEntry[];
}

/** For each unsteady device of fstab the name that holds. That the guest numbers its disks as the VM does stands or falls as a whole. */
export function steadyNames(fstab: readonly FstabEntry[], disks: readonly Disk[]): SteadyNames {
  const entries = fstab.filter(({ spec }) => isUnsteady(spec));
  const pairs = entries.map((entry) => ({ entry, volume: volumeOf(entry.spec, disks) }));
  const ordered = pairs.filter(({ entry }) => byOrder.test(entry.spec));
  const inOrder = disks.length === 1 || ordered.every(({ entry, volume }) => volume && agrees(entry, volume));
  const names = new Map<string, string>();
  const unknown: FstabEntry[] = [];
  for (const { entry, volume } of pairs) {
    const sure = volume && agrees(entry, volume) && (inOrder || !byOrder.test(entry.spec));
    const name = sure ? steadyName(volume, disks) : undefined;
    if (name) names.set(entry.spec, name);
    else unknown.push(entry);
  }
  return { names, unknown };
}

/** Replaces the devices in fstab, and nothing else of it. */
export const renameInFstab = (text: string, names: ReadonlyMap<string, string>): string =>
  text.replace(/^([ \t]*)([^\s#]\S*)/gm, (whole, space: string, spec: string) => {
    const name = names.get(spec);
    return name ? `${space}${name}` : whole;
  });

/** The same in crypttab, whose second word is the device. */
export const renameInCrypttab = (text: string, names: (spec: string) => string | undefined): string =>
  text.replace(/^([^\s#]\S*[ \t]+)(\S+)/gm, (whole, name: string, spec: string) =>
    isUnsteady(spec) ? `${name}${names(spec) ?? spec}` : whole,
  );

/** Kernel arguments that name a device, outside of comments. */
const argument = /^[ \t]*#.*|\b(root|resume|RESUME|mount\.usr)=(["']?)(\/dev\/[^\s"']+)/gm;

/** Replaces the devices in `root=`, `resume=` and the like, as boot loaders and initramfs-tools have them. `unknown`: devices left as they were. */
export function renameInArguments(
  text: string,
  nameOf: (spec: string) => string | undefined,
): { text: string; unknown: string[] } {
  const unknown: string[] = [];
  const changed = text.replace(argument, (whole, key?: string, quote?: string, spec?: string) => {
    if (spec === undefined || !isUnsteady(spec)) return whole;
    const name = nameOf(spec);
    if (name) return `${key}=${quote}${name}`;
    unknown.push(spec);
    return whole;
  });
  return { text: changed, unknown };
}
