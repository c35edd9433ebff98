import { TranshipError } from '@tranship/contracts';
import { agentPackages, fileList, infoName, type Package, withPackages, withTriggers } from './agent.ts';
import { type Change, textFile } from './changes.ts';
import {
  isUnsteady,
  parseFstab,
  renameInArguments,
  renameInFstab,
  steadyName,
  steadyNames,
  volumeOf,
} from './devices.ts';
import { initramfsChange, type Kernel, withModules } from './initramfs.ts';
import { ifupdownMentions } from './network/ifupdown.ts';
import type { TextFile } from './network/mention.ts';
import { netplanMentions } from './network/netplan.ts';
import { leaseMentions, networkManagerMentions } from './network/network-manager.ts';
import { linkMentions, networkdMentions, udevMentions } from './network/networkd.ts';
import { linkFile, type NamedNic, type Nic, nicNames } from './nic-names.ts';
import { paths } from './paths.ts';
import type { Disk } from './volumes.ts';

/** All that the plan is made from: read from the guest before anything is changed. */
export interface Facts {
  readonly disks: readonly Disk[];
  readonly nics: readonly Nic[];
  readonly kernels: readonly Kernel[];
  /** The files read, by path. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Whether something of any kind is at a path. */
  has(path: string): boolean;
  /** `/lib` and its like are links into `/usr`: where a package's path truly lies. */
  place(path: string): string;
  readonly media: readonly Package[];
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly nics: readonly NamedNic[];
  /** What is not changed, and what is not known. */
  readonly notes: readonly string[];
}

/** What is to be changed in a guest of the Debian family. Throws `guest.unsupported` before anything is touched. */
export function planChanges(facts: Facts): Plan {
  const parts = [devices(facts), drivers(facts), names(facts), tools(facts), agent(facts)];
  return {
    changes: parts.flatMap((part) => part.changes ?? []),
    nics: parts.flatMap((part) => part.nics ?? []),
    notes: parts.flatMap((part) => part.notes ?? []),
  };
}

type Part = Partial<Plan>;
const text = ({ files }: Facts, path: string) => files.get(path)?.toString('utf8');

function drivers(facts: Facts): Part {
  const { kernels } = facts;
  if (!facts.has(paths.initramfsTools) || kernels.length === 0)
    throw new TranshipError(
      'guest.unsupported',
      'its initramfs is not made by initramfs-tools, or there is none in /boot',
    );
  const resume = steadyResume(facts);
  const extra = new Map(resume ? [['conf/conf.d/resume', Buffer.from(resume.after)]] : []);
  const changes = kernels.flatMap((kernel) => initramfsChange(kernel, extra) ?? []);
  const wanted = [...new Set(kernels.flatMap(({ needed }) => needed.names))];
  const before = text(facts, paths.modules) ?? '';
  const after = withModules(before, wanted);
  if (after !== before) changes.push(textFile(paths.modules, after));
  if (resume) changes.push(textFile(paths.resume, resume.after));
  return { changes };
}

function steadyResume(facts: Facts): { after: string } | undefined {
  const before = text(facts, paths.resume);
  if (before === undefined) return undefined;
  const after = renameInArguments(before, nameIn(facts)).text;
  return after === before ? undefined : { after };
}

/** A device's name that holds: as fstab's own entries were judged. */
function nameIn(facts: Facts): (spec: string) => string | undefined {
  const fstab = parseFstab(text(facts, paths.fstab) ?? '');
  const { names: known, unknown } = steadyNames(fstab, facts.disks);
  return (spec) => {
    if (known.has(spec)) return known.get(spec);
    // With several disks, an order that fstab contradicts, or says nothing of, is no order to build on.
    if (facts.disks.length > 1 && (unknown.length > 0 || !fstab.some((entry) => isUnsteady(entry.spec))))
      return undefined;
    const volume = volumeOf(spec, facts.disks);
    return volume && steadyName(volume);
  };
}

/** Names of disks that change with the hardware, in fstab and the boot loader. */
function devices(facts: Facts): Part {
  const fstab = text(facts, paths.fstab) ?? '';
  const { names: known, unknown } = steadyNames(parseFstab(fstab), facts.disks);
  const vital = unknown.filter(({ options }) => !options.includes('nofail') && !options.includes('noauto'));
  if (vital.length > 0) {
    const named = vital.map(({ spec, mountPoint }) => `${spec} (${mountPoint})`).join(', ');
    throw new TranshipError('guest.unsupported', `${paths.fstab} names a device that cannot be told on KVM: ${named}`);
  }
  const changes: Change[] = [];
  const after = renameInFstab(fstab, known);
  if (after !== fstab) changes.push(textFile(paths.fstab, after));
  for (const path of [paths.grubConfig, paths.grubDefaults]) {
    const before = text(facts, path);
    if (before === undefined) continue;
    const renamed = renameInArguments(before, nameIn(facts));
    if (renamed.unknown.length > 0)
      throw new TranshipError(
        'guest.unsupported',
        `${path} names a device that cannot be told on KVM: ${renamed.unknown[0]}`,
      );
    if (renamed.text !== before) changes.push(textFile(path, renamed.text));
  }
  const notes = unknown.map(
    ({ spec, mountPoint }) => `${spec} (${mountPoint}) in ${paths.fstab} was left: it may not be found`,
  );
  return { changes, notes };
}

/** NICs keep their names, and with them their addresses. */
function names(facts: Facts): Part {
  const within = (folders: readonly string[], suffix: string): TextFile[] =>
    [...facts.files].flatMap(([path, content]) =>
      folders.some((folder) => path.startsWith(`${folder}/`)) && path.endsWith(suffix)
        ? [{ path, text: content.toString('utf8') }]
        : [],
    );
  const mentions = [
    ...linkMentions(within([paths.networkd], '.link')),
    ...udevMentions(within([paths.udevRules], '.rules')),
    ...ifupdownMentions(within([paths.ifupdown], '')),
    ...networkdMentions(within([paths.networkd], '.network')),
    ...netplanMentions(within([paths.netplan], '.yaml')),
    ...networkManagerMentions(within([paths.networkManager], '')),
    ...leaseMentions(within([paths.leases], '.leases')),
  ];
  const { known, unknown } = nicNames(facts.nics, mentions);
  const notes = unknown.map(({ mac, why }) => `NIC ${mac}: ${why}`);
  const open = known.filter(({ kept }) => !kept);
  if (open.length > 0 && !facts.has(facts.place(paths.udevd))) {
    notes.push(`the names of its NICs cannot be kept: it has no ${paths.udevd}`);
    return { notes };
  }
  const changes = open.map((nic) => textFile(`${paths.networkd}/10-tranship-${nic.name}.link`, linkFile(nic), 0o644));
  return { changes, nics: known, notes };
}

/** VMware's own services stay installed and are never started. */
function tools(facts: Facts): Part {
  const units = ['open-vm-tools.service', 'vgauth.service'].filter(
    (unit) => facts.has(facts.place(`/lib/systemd/system/${unit}`)) && !facts.has(`/etc/systemd/system/${unit}`),
  );
  return { changes: units.map((unit) => ({ kind: 'link', path: `/etc/systemd/system/${unit}`, target: '/dev/null' })) };
}

/** The guest agent, as if dpkg had installed it: the guest may have no network to fetch it by. */
function agent(facts: Facts): Part {
  const status = text(facts, paths.status);
  if (facts.has(paths.agent) || status === undefined) return {};
  const found = agentPackages(status, facts.media);
  if ('why' in found) return { notes: [`the guest agent was not installed: ${found.why}`] };
  const { packages } = found;
  if (packages.length === 0) return {};
  const changes = packages.flatMap((each): Change[] => [
    ...each.files.map((file) => lay(file, facts)),
    textFile(`${paths.info}/${infoName(each.control)}.list`, fileList(each), 0o644),
    ...[...each.info].map(
      ([suffix, content]): Change => ({
        kind: 'file',
        path: `${paths.info}/${infoName(each.control)}.${suffix}`,
        content,
        mode: /^(pre|post)(inst|rm)$|^config$/.test(suffix) ? 0o755 : 0o644,
      }),
    ),
  ]);
  const triggers = text(facts, paths.triggers) ?? '';
  const after = withTriggers(triggers, packages);
  if (after !== triggers) changes.push(textFile(paths.triggers, after, 0o644));
  return { changes: [...changes, textFile(paths.status, withPackages(status, packages))] };
}

function lay(file: Package['files'][number], facts: Facts): Change {
  const path = facts.place(file.path);
  switch (file.kind) {
    case 'folder':
      return { kind: 'folder', path, mode: file.mode };
    case 'file':
      // What stands in /etc is the guest's own.
      return { kind: 'file', path, content: file.content, mode: file.mode, onlyIfAbsent: path.startsWith('/etc/') };
    case 'link':
      return { kind: 'link', path, target: file.target };
  }
}
