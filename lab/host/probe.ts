import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir } from '../setup/cache.ts';
import { has, run } from '../setup/shell.ts';
import { stateDir } from '../state.ts';
import { freeSubnet } from './network.ts';
import { type KernelFacts, type MachineFacts, type Program, programs } from './preflight.ts';

const deadlineMs = 10_000;
const mb = 1024 ** 2;
const gb = 1024 ** 3;
const works = (program: string, args: readonly string[]) =>
  run(program, args, { deadlineMs }).then(
    () => true,
    () => false,
  );
/** In a network namespace of its own: nothing stays. */
const inNet = (script: string) => works('unshare', ['--net', 'sh', '-c', script]);

/** Bytes on the file system of a folder that need not be there yet. */
function freeBytes(folder: string): number {
  if (!existsSync(folder)) return freeBytes(dirname(folder));
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function probeMachine(): MachineFacts {
  const made = existsSync(cacheDir) ? readdirSync(cacheDir) : [];
  const memory = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return {
    root: process.getuid?.() === 0,
    arch: process.arch,
    debian: existsSync('/etc/debian_version') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')),
    freeGB: Math.floor(freeBytes(cacheDir) / gb),
    stateFreeGB: Math.floor(freeBytes(stateDir) / gb),
    sharedMemoryMB: existsSync('/dev/shm') ? Math.floor(freeBytes('/dev/shm') / mb) : 0,
    availableMemoryGB: Math.floor((Number(memory ?? 0) * 1024) / gb),
    built: process.env.TRANSHIP_LAB_BIN !== undefined || made.some((name) => /^kubevirt-/.test(name)),
  };
}

/** `dir`: where the lab's state will be. */
export async function probeKernel(dir: string): Promise<KernelFacts> {
  const known = await Promise.all(
    (Object.keys(programs) as Program[]).map(async (name) => ({ name, there: await has(name) })),
  );
  return {
    absent: known.flatMap(({ name, there }) => (there ? [] : [name])),
    namespaces: await works('unshare', ['--net', '--pid', '--mount', '--uts', '--fork', '--mount-proc', 'true']),
    veth: await inNet('ip link add probe0 type veth peer name probe1'),
    bridge: await inNet('ip link add probe0 type bridge'),
    dummy: await inNet('ip link add probe0 type dummy'),
    tun: await inNet('ip tuntap add probe0 mode tap'),
    overlay: await overlay(dir),
    loop: await works('losetup', ['--find']),
    nftables: await inNet(
      "nft 'add table ip probe; add chain ip probe c { type nat hook postrouting priority 100; }; add rule ip probe c masquerade'",
    ),
    cgroup: cgroup(),
    subnet: await freeSubnet().then(
      () => true,
      () => false,
    ),
  };
}

async function overlay(dir: string): Promise<boolean> {
  mkdirSync(dir, { recursive: true });
  const folder = mkdtempSync(join(dir, 'probe-'));
  try {
    for (const name of ['lower', 'upper', 'work', 'all']) mkdirSync(join(folder, name));
    const options = `lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work`;
    return await works('unshare', ['--mount', 'mount', '-t', 'overlay', 'probe', '-o', options, join(folder, 'all')]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function cgroup(): boolean {
  const base = '/sys/fs/cgroup';
  const unified = join(base, 'cgroup.controllers');
  if (existsSync(unified)) return /\bmemory\b/.test(readFileSync(unified, 'utf8'));
  return ['cpu', 'memory', 'devices'].every((name) => existsSync(join(base, name)));
}
