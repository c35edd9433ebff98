import type { Inspection } from '@tranship/contracts';
import { type Facts, textOf } from './facts.ts';
import { makerOf } from './initramfs.ts';
import { drivers, moduleName } from './modules.ts';
import { networkConfigs } from './network/configs.ts';
import { familyOf } from './os-release.ts';
import { paths } from './paths.ts';
import { loadersOf } from './rules/boot.ts';
import { fragileDevices } from './rules/devices.ts';
import { toolsOf } from './rules/tools.ts';
import type { Disk } from './volumes.ts';
import { placeOf } from './volumes.ts';

type Disks = Pick<Inspection, 'disks' | 'volumes'>;
/** What a guest's files tell. */
export type FoundGuest = Pick<Inspection, 'os' | 'kernels' | 'fragile' | 'network' | 'tools'> & {
  readonly loaders: string[];
};

/** The disks as they were found. */
export const describeDisks = (disks: readonly Disk[]): Disks => ({
  disks: disks.map(({ index, sizeBytes, table }) => ({
    index,
    sizeBytes,
    table: table.kind,
    bootCode: table.bootCode,
  })),
  volumes: disks
    .flatMap(({ volumes }) => volumes)
    .map((volume) => {
      const { kind, uuid = '', label = '', freeBytes } = volume.fileSystem ?? {};
      return {
        disk: volume.disk,
        place: placeOf(volume),
        ...(volume.scattered ? {} : { offset: volume.offset }),
        sizeBytes: volume.length,
        ...(kind ? { holds: kind } : {}),
        ...(uuid === '' ? {} : { uuid }),
        ...(label === '' ? {} : { label }),
        ...(freeBytes === undefined ? {} : { freeBytes }),
      };
    }),
});

export function describeGuest(facts: Facts): FoundGuest {
  const { os } = facts;
  const configs = networkConfigs(facts);
  const managers = new Set(
    configs.map(({ manager }) => manager).filter((each) => !['link', 'udev', 'dhclient'].includes(each)),
  );
  if (facts.has('/etc/cloud')) managers.add('cloud-init');
  return {
    os: { family: 'linux', id: os.id, name: os.name, version: os.version, arch: archOf(facts) },
    kernels: facts.kernels.map((kernel) => {
      const inside = new Set(kernel.holds?.filter((name) => /\.ko(\.\w+)?$/.test(name)).map(moduleName));
      return {
        version: kernel.version,
        initramfs: kernel.initrd,
        madeBy: makerOf(kernel),
        drivers: drivers.filter((name) => inside.has(name) || kernel.needed.builtin.includes(name)),
        missing: [...kernel.needed.missing],
      };
    }),
    fragile: fragileDevices(facts),
    network: {
      managers: [...managers],
      configs: configs.flatMap(({ manager, mentions }) =>
        mentions.map(({ file, name, mac, addresses }) => ({
          manager,
          file,
          ...(name === undefined ? {} : { name }),
          ...(mac === undefined ? {} : { mac }),
          addresses: [...addresses],
        })),
      ),
    },
    tools: toolsOf(facts),
    loaders: loadersOf(facts),
  };
}

/** dpkg says it; elsewhere a kernel's version ends with it. */
function archOf(facts: Facts): string {
  const status = textOf(facts, paths.status) ?? '';
  const at = status.search(/^Package: dpkg$/m);
  const dpkg = at < 0 ? undefined : /^Architecture: (\S+)/m.exec(status.slice(at).split('\n\n', 1)[0]!)?.[1];
  const kernel = facts.kernels
    .map(({ version }) => /[.-](x86_64|aarch64|amd64|arm64|ppc64le|s390x)$/.exec(version)?.[1])
    .find(Boolean);
  const found = dpkg ?? kernel ?? '';
  return { amd64: 'x86_64', arm64: 'aarch64' }[found] ?? (found === '' && familyOf(facts.os) ? 'unknown' : found);
}
