/** The drivers that a guest is given for KVM: without the first four it has neither disk nor network. */
export const drivers = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'virtio_net',
  'virtio_rng',
  'virtio_balloon',
  'virtio_console',
] as const;
/** Without these there is no disk. */
const vital: readonly string[] = ['virtio_pci', 'virtio_blk'];
/** They need some ten; what names more is no index of modules. */
const maxFiles = 100;

/** `kernel/drivers/block/virtio-blk.ko.zst` -> `virtio_blk` */
export const moduleName = (path: string) =>
  path
    .replace(/^.*\//, '')
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');

/** What modules.dep says of one module. */
export interface Module {
  readonly path: string;
  readonly needs: readonly string[];
}

export interface Needed {
  /** Drivers that are modules of this kernel. */
  readonly names: readonly string[];
  /** Their files and those they depend on, below `/lib/modules/<version>/`. */
  readonly files: readonly string[];
  /** Vital drivers that this kernel does not have at all. */
  readonly missing: readonly string[];
  /** Drivers built into the kernel. */
  readonly builtin: readonly string[];
}

/** modules.dep by name. */
export function parseDep(dep: string): Map<string, Module> {
  const byName = new Map<string, Module>();
  for (const line of dep.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const path = line.slice(0, colon);
    const needs = line
      .slice(colon + 1)
      .split(/\s+/)
      .filter((each) => each !== '');
    byName.set(moduleName(path), { path, needs });
  }
  return byName;
}

/** Which files a kernel's initramfs must hold, from its modules.dep and modules.builtin. */
export function neededModules(dep: string, builtin: string): Needed {
  const byName = parseDep(dep);
  const within = new Set(builtin.split('\n').flatMap((line) => (line === '' ? [] : [moduleName(line)])));
  const names = drivers.filter((name) => byName.has(name));
  const files = new Set(names.flatMap((name) => [byName.get(name)!.path, ...byName.get(name)!.needs]));
  return {
    names,
    files: [...files].slice(0, maxFiles),
    missing: vital.filter((name) => !byName.has(name) && !within.has(name)),
    builtin: drivers.filter((name) => within.has(name)),
  };
}
