/** Of the virtio drivers those that a VM on KubeVirt has devices for; the vital ones first. */
const vital = ['viostor', 'vioscsi', 'netkvm'] as const;
const further = ['balloon', 'vioserial', 'viorng'] as const;
const agents: readonly string[] = ['qemu-ga-x86_64.msi', 'qemu-ga-x64.msi'];

/** Which files of the media folder go into a Windows, by their names there. */
export interface Chosen {
  /** File name, lower case → path. */
  readonly drivers: ReadonlyMap<string, string>;
  readonly agent?: string;
  /** Drivers of which there is none for this Windows. */
  readonly absent: readonly string[];
  readonly vitalAbsent: readonly string[];
}

/**
 * Chooses from the paths of a virtio-win tree: `<driver>/<windows>/amd64/<file>`, at any depth and in any case, as on its
 * ISO image. What is no part of a signed driver (symbols), or belongs to another one (of SR-IOV), is left out.
 */
export function chooseFiles(paths: readonly string[], windows: string): Chosen {
  const drivers = new Map<string, string>();
  const found = new Set<string>();
  for (const path of [...paths].sort()) {
    const parts = path.toLowerCase().split('/');
    const [driver, version, arch, file] = parts.slice(-4);
    if (version !== windows || arch !== 'amd64' || !file || file.endsWith('.pdb') || file.startsWith('vioprot.'))
      continue;
    if (![...vital, ...further].some((each) => each === driver) || drivers.has(file)) continue;
    drivers.set(file, path);
    if (file.endsWith('.inf')) found.add(driver!);
  }
  const agent = paths.find((path) => agents.includes(path.toLowerCase().split('/').at(-1)!));
  const without = (names: readonly string[]) => names.filter((name) => !found.has(name));
  return {
    drivers,
    ...(agent === undefined ? {} : { agent }),
    absent: without(further),
    vitalAbsent: [...without(vital), ...bootable.filter((name) => found.has(name) && !drivers.has(`${name}.sys`))],
  };
}

/** Those that Windows may have to boot from. */
export const bootable = ['viostor', 'vioscsi'] as const;
