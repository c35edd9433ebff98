import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { step } from './progress.ts';
import { has, run } from './shell.ts';

/** Debian packages, and what each is for. */
const packages = {
  nbdkit: 'serves disks',
  'nbdkit-plugin-dev': 'builds the vddk plugin of the lab',
  'libcurl4-openssl-dev': 'the same',
  gcc: 'the same',
  'libc6-dev': 'the same',
  mmdebstrap: 'builds guests and images',
  containerd: 'the node',
  runc: 'the node',
  'containernetworking-plugins': 'the node',
  nftables: 'the node',
  iproute2: 'network namespaces',
  buildah: 'builds images',
  fdisk: 'partitions guests',
  dosfstools: 'UEFI guests',
  mtools: 'UEFI guests',
  e2fsprogs: 'ext4 without mounting',
  kmod: 'module indexes',
  attr: 'labels of guests that are mounted',
  xfsprogs: 'guests on xfs',
  cpio: 'initramfs',
  'initramfs-tools-core': 'reads initramfs',
  zstd: 'keeps guests small',
  openssl: 'certificates of the lab',
  'netcat-openbsd': 'asks guests',
} as const;

/** From backports, where QEMU is newer and boots guests twice as fast in software emulation. */
const newer = ['qemu-system-x86', 'qemu-utils', 'ovmf'];

async function missing(names: readonly string[]): Promise<string[]> {
  const known = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
    deadlineMs: 20_000,
  }).catch((error: Error) => error.message);
  const installed = new Set(
    known.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]!] : [])),
  );
  return names.filter((name) => !installed.has(name));
}

/** The machine's own Debian sources, with another suite in place of its release. */
export function sourcesFor(suite: string): string {
  const own = readFileSync('/etc/apt/sources.list.d/debian.sources', 'utf8').split(/\n\s*\n/)[0]!;
  return `${own.replace(/^Suites:.*$/m, `Suites: ${suite}`)}\n`;
}

/** The same as a file, for mmdebstrap. */
export function sourcesFile(suite: string): string {
  const file = join(tmpdir(), `tranship-${suite}.sources`);
  writeFileSync(file, sourcesFor(suite));
  return file;
}

/** Installs the Debian packages that are missing. */
export async function installPackages(): Promise<void> {
  const wanted = await missing(Object.keys(packages));
  const fromBackports = await missing(newer);
  if (wanted.length + fromBackports.length === 0) return;
  if (!(await has('apt-get')))
    throw new Error(`these packages are missing, and this is no Debian: ${[...wanted, ...fromBackports].join(' ')}`);
  await step(
    `installing Debian packages: ${[...wanted, ...fromBackports].slice(0, 4).join(', ')} …`,
    90,
    async (shown) => {
      const env = { DEBIAN_FRONTEND: 'noninteractive' };
      const onLine = (line: string) => shown.detail(line);
      const backports = '/etc/apt/sources.list.d/tranship-backports.sources';
      if (fromBackports.length > 0) writeFileSync(backports, sourcesFor('bookworm-backports'));
      await run('apt-get', ['update', '-q'], { env, onLine, deadlineMs: 300_000 });
      const install = ['-o', 'DPkg::Lock::Timeout=400', 'install', '-y', '-q', '--no-install-recommends'];
      if (wanted.length > 0) await run('apt-get', [...install, ...wanted], { env, onLine });
      if (fromBackports.length > 0)
        await run('apt-get', [...install, '-t', 'bookworm-backports', ...fromBackports], { env, onLine });
    },
  );
}
