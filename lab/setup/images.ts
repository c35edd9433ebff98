import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, hashOf } from './cache.ts';
import { kubevirtKey, kubevirtPrograms } from './kubevirt.ts';
import { step } from './progress.ts';
import { run } from './shell.ts';
import { sourcesFile } from './sources.ts';

const launcherPackages = [
  'libvirt-daemon-driver-qemu',
  'libvirt-daemon',
  'libvirt-daemon-log',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-utils',
  'ovmf',
  'swtpm',
  'swtpm-tools',
  'xorriso',
  'nftables',
  'iproute2',
  'iptables',
  'passt',
  'procps',
  'acl',
  'tar',
  'kmod',
  'ethtool',
  'libcap2-bin',
];
export const slim = ['man', 'doc', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
const programs = [
  'virt-handler',
  'virt-launcher',
  'virt-launcher-monitor',
  'virt-chroot',
  'virt-freezer',
  'virt-probe',
  'virt-tail',
  'container-disk',
  'kv',
];

/** Makes an OCI archive from a script that fills a root folder; kept in the cache by its key. */
export async function image(
  name: string,
  key: string,
  fill: (root: string, onLine: (line: string) => void) => Promise<void>,
  entrypoint: string,
  title: string,
  seconds: number,
): Promise<string> {
  const folder = await cached(`image-${name}`, key, (out) =>
    step(title, seconds, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const root = join(out, 'root');
      await fill(root, onLine);
      await archive(out, root, name, entrypoint, onLine);
      await run('rm', ['-rf', root]);
    }),
  );
  return join(folder, `${name}.oci`);
}

/** A root folder as an image `lab.local/NAME:1`, in a storage of its own that goes with it. */
async function archive(
  out: string,
  root: string,
  name: string,
  entrypoint: string,
  onLine: (line: string) => void,
): Promise<void> {
  const policy = join(out, 'policy.json');
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const storage = ['--root', join(out, 'storage'), '--runroot', join(out, 'run'), '--storage-driver', 'vfs'];
  const tag = `lab.local/${name}:1`;
  const script = [
    'set -e',
    'c=$("$@" from scratch)',
    `"$@" add -q "$c" '${root}' / >/dev/null`,
    `"$@" config --entrypoint '["${entrypoint}"]' "$c"`,
    `"$@" commit --signature-policy '${policy}' -q --rm "$c" ${tag}`,
    `"$@" push --signature-policy '${policy}' --disable-compression -q ${tag} oci-archive:'${join(out, `${name}.oci`)}':${tag}`,
  ].join('\n');
  await run('bash', ['-c', script, 'bash', 'buildah', ...storage], { onLine });
  await run('rm', ['-rf', join(out, 'storage'), join(out, 'run')]);
}

/** One image for virt-api, virt-controller, virt-handler and virt-launcher. */
export async function kubevirtImage(): Promise<string> {
  const bin = await kubevirtPrograms();
  const key = hashOf([await kubevirtKey(), launcherPackages.join(), 'v1']);
  return image(
    'kubevirt',
    key,
    (root, onLine) => kubevirtRoot(root, bin, onLine),
    '/usr/bin/virt-launcher',
    'making the image of KubeVirt',
    120,
  );
}

async function kubevirtRoot(root: string, bin: string, onLine: (line: string) => void): Promise<void> {
  await run(
    'mmdebstrap',
    ['--variant=minbase', ...slim, `--include=${launcherPackages.join()}`, 'trixie', root, sourcesFile('trixie')],
    { onLine },
  );
  const put = (from: string, to: string, mode: string) => run('install', ['-D', '-m', mode, from, join(root, to)]);
  const own = (name: string) => join(bin, 'files', name);
  for (const file of ['qemu.conf', 'virtqemud.conf']) await put(own(file), `etc/libvirt/${file}`, '644');
  await put(own('virtqemud.conf'), 'etc/libvirt/libvirtd.conf', '644');
  await put(own('nsswitch.conf'), 'etc/nsswitch.conf', '644');
  await put(own('qemu'), 'etc/libvirt/hooks/qemu', '755');
  await put(own('node-labeller.sh'), 'usr/bin/node-labeller.sh', '755');
  for (const name of programs) await put(join(bin, name), `usr/bin/${name}`, '755');
  for (const name of ['virt-api', 'virt-controller']) symlinkSync('kv', join(root, 'usr/bin', name));
  // Debian ships libvirtd, not the modular virtqemud: the same code under another socket name.
  writeFileSync(
    join(root, 'usr/sbin/virtqemud'),
    '#!/bin/sh\nmkdir -p /var/run/libvirt; ln -sfn libvirt-sock /var/run/libvirt/virtqemud-sock\nexec /usr/sbin/libvirtd "$@"\n',
    { mode: 0o755 },
  );
  const firmware = {
    'OVMF_CODE.fd': 'OVMF_CODE_4M.fd',
    'OVMF_VARS.fd': 'OVMF_VARS_4M.fd',
    'OVMF_CODE.secboot.fd': 'OVMF_CODE_4M.secboot.fd',
    'OVMF_VARS.secboot.fd': 'OVMF_VARS_4M.ms.fd',
  };
  for (const [name, target] of Object.entries(firmware))
    await run('ln', ['-sfn', target, join(root, 'usr/share/OVMF', name)]);
  account(root, 'passwd', 'qemu:x:107:107::/home/qemu:/bin/bash');
  account(root, 'group', 'qemu:x:107:');
  mkdirSync(join(root, 'home/qemu'), { recursive: true });
  mkdirSync(join(root, 'var/lib/kubevirt-node-labeller'), { recursive: true });
  await run('chown', ['107:107', join(root, 'home/qemu')]);
  // virt-handler reads /proc/PID/root/var/run: the link must not leave that root.
  await run('ln', ['-sfn', '../run', join(root, 'var/run')]);
  await run('setcap', ['cap_net_bind_service=+eip', join(root, 'usr/bin/virt-launcher-monitor')]);
  writeFileSync(join(root, 'etc/resolv.conf'), '');
}

/** Adds an account of id 107 in place of whatever has that id. */
function account(root: string, file: string, line: string): void {
  const path = join(root, 'etc', file);
  const others = readFileSync(path, 'utf8')
    .split('\n')
    .filter((each) => each.split(':')[2] !== '107' && each !== '');
  writeFileSync(path, `${[...others, line].join('\n')}\n`);
}

/** The pod's own process: it waits to be killed. */
export async function pauseImage(): Promise<string> {
  const code = '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n';
  return image(
    'pause',
    hashOf([code]),
    async (root) => {
      mkdirSync(root, { recursive: true });
      writeFileSync(join(root, 'pause.c'), code);
      await run('gcc', ['-O2', '-static', '-s', '-o', join(root, 'pause'), join(root, 'pause.c')]);
      await run('rm', [join(root, 'pause.c')]);
    },
    '/pause',
    'making the image of the pods’ own process',
    5,
  );
}
