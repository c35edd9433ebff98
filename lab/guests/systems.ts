import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from '../setup/cache.ts';
import { step } from '../setup/progress.ts';
import { removeScratch, scratch } from '../setup/scratch.ts';
import { run } from '../setup/shell.ts';
import { sourcesFile } from '../setup/sources.ts';
import type { Layout, System } from './layout.ts';
import type { Manager } from './network.ts';

const build = fileURLToPath(new URL('build/', import.meta.url));

const managers: Readonly<Record<Manager, Readonly<Record<System['release'], string>>>> = {
  ifupdown: { bookworm: 'ifupdown,isc-dhcp-client', trixie: 'ifupdown,dhcpcd-base' },
  networkd: { bookworm: 'dbus', trixie: 'dbus' },
  netplan: { bookworm: 'netplan.io', trixie: 'netplan.io' },
  NetworkManager: { bookworm: 'network-manager', trixie: 'network-manager' },
};

const script = (name: string) => ({ path: join(build, name) });

/** What a system is installed from. */
const keyOf = ({ release, maker, manager }: System): string =>
  hashOf([...['root.sh', 'initramfs.sh', 'hook.sh'].map(script), release, maker, managers[manager][release]]);
/** What its disks are made from besides. */
export const diskKeyOf = (system: System): string => hashOf([keyOf(system), script('disk.sh')]);

const nameOf = ({ release, maker, manager }: System): string => `${release}-${maker}-${manager}`;

/** Lays a system's files out in a folder in memory, for `use`; installed from its packages once for each state of its recipe. */
export async function withRoot<T>(system: System, use: (root: string) => Promise<T>): Promise<T> {
  const root = scratch('/dev/shm', 'tranship-guest');
  try {
    await run('tar', ['--zstd', '-xf', await archive(system), '-C', root], { deadlineMs: 120_000 });
    return await use(root);
  } finally {
    removeScratch(root);
  }
}

/** The archive of a system's files. */
async function archive(system: System): Promise<string> {
  const { release, maker, manager } = system;
  const folder = await cached(`guest-${nameOf(system)}`, keyOf(system), (out) =>
    step(`building a guest from its packages: ${release}, ${maker}, ${manager}`, 110, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const root = scratch('/dev/shm', 'tranship-guest');
      // The installer itself tells nothing of what takes longest.
      const telling = setInterval(() => shown.detail(stateOf(root)), 2_000);
      try {
        const args = [root, sourcesFile(release), release, maker, managers[manager][release]];
        await run(join(build, 'root.sh'), args, { onLine });
        await run('tar', ['--zstd', '-cf', join(out, 'root.tar.zst'), '-C', root, '.'], { onLine });
      } finally {
        clearInterval(telling);
        removeScratch(root);
      }
    }),
  );
  return join(folder, 'root.tar.zst');
}

function stateOf(root: string): string {
  const count = (folder: string, end: string) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)).filter((name) => name.endsWith(end)).length : 0;
  const unpacked = count('var/lib/dpkg/info', '.list');
  return unpacked > 0
    ? `${unpacked} packages are unpacked`
    : `${count('var/cache/apt/archives', '.deb')} packages are fetched`;
}

/** Writes a bootable disk from files that {@link withRoot} laid out; they are changed by it. */
export async function writeDisk(layout: Layout, root: string, file: string, sizeMiB: number): Promise<void> {
  const { firmware, fileSystem, volume } = layout;
  await run(join(build, 'disk.sh'), [firmware, fileSystem, volume, root, file, String(sizeMiB)], {
    deadlineMs: 300_000,
  });
}
