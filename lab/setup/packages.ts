import { readFileSync, writeFileSync } from 'node:fs';
import { step } from './progress.ts';
import { has, run } from './shell.ts';
import { sourcesFor } from './sources.ts';

/** Debian packages, and what each is for. */
const packages = {
  nbdkit: 'serves disks',
  'nbdkit-plugin-dev': 'builds the vddk plugin of the lab',
  'libcurl4-openssl-dev': 'the same',
  'libssl-dev': 'the same',
  gcc: 'the same',
  'libc6-dev': 'the same',
  make: 'the same',
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
  'btrfs-progs': 'guests on btrfs',
  lvm2: 'guests on LVM',
  cpio: 'initramfs',
  'initramfs-tools-core': 'reads initramfs',
  zstd: 'keeps guests small',
  openssl: 'certificates of the lab',
  'xz-utils': 'reads what guests hold',
  'libwin-hivex-perl': 'registries of Windows',
  'ntfs-3g': 'volumes of Windows',
  'ntfs-3g-dev': 'builds what writes them',
  mount: 'loop devices',
  'ca-certificates': 'fetches Go modules',
  procps: 'tells what runs',
} as const;

/** libguestfs' appliance and virt-v2v, and the kernel that they start: some 150 packages, which only their tests and bench need. */
const appliance = ['guestfish', 'libguestfs-xfs', 'virt-v2v', 'supermin', 'linux-image-amd64'];

/** From backports, where QEMU is newer and boots guests twice as fast in software emulation. */
const newer = ['qemu-system-x86', 'qemu-utils', 'ovmf'];

async function missing(names: readonly string[]): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own
  const known = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
    deadlineMs: 20_000,
  }).catch((error: Error) => error.message);
  const installed = new Set(
    known.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]!] : [])),
  );
  return names.filter((name) => !installed.has(name));
}

/** Installs the Debian packages that are missing. */
export async function installPackages(): Promise<void> {
  await install(Object.keys(packages), newer);
}

export const installAppliance = (): Promise<void> => install(appliance, []);

/** `fromBackports`: where the machine's release is too old for them. */
export async function install(plain: readonly string[], fromBackports: readonly string[]): Promise<void> {
  const [wanted, newerOnes] = [await missing(plain), await missing(fromBackports)];
  const all = [...wanted, ...newerOnes];
  if (all.length === 0) return;
  if (!(await has('apt-get'))) throw new Error(`these packages are missing, and this is no Debian: ${all.join(' ')}`);
  const backports = newerOnes.length > 0 && release() === 'bookworm' ? 'bookworm-backports' : undefined;
  await step(`installing Debian packages: ${all.slice(0, 4).join(', ')} …`, 90, async (shown) => {
    const apt = (args: readonly string[]) =>
      run('apt-get', ['-o', 'DPkg::Lock::Timeout=400', '-q', ...args], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        onLine: (line) => shown.detail(line),
        deadlineMs: 1_800_000,
      });
    if (backports) writeFileSync('/etc/apt/sources.list.d/tranship-backports.sources', sourcesFor(backports));
    await apt(['update']);
    const flags = ['install', '-y', '--no-install-recommends'];
    if (wanted.length > 0) await apt([...flags, ...wanted]);
    if (newerOnes.length > 0) await apt([...flags, ...(backports ? ['-t', backports] : []), ...newerOnes]);
  });
}

const release = () => /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
