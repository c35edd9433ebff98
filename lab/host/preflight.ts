/** What the lab finds of the machine; see probe.ts. */
export interface MachineFacts {
  readonly root: boolean;
  readonly arch: string;
  readonly debian: boolean;
  /** Where the cache is, and where the state is. */
  readonly freeGB: number;
  readonly stateFreeGB: number;
  /** In /dev/shm. */
  readonly sharedMemoryMB: number;
  readonly availableMemoryGB: number;
  /** The heavy parts are there already. */
  readonly built: boolean;
}

/** What asks the kernel, and the Debian package that has it. */
export const programs = { ip: 'iproute2', nft: 'nftables', losetup: 'mount', mount: 'mount' } as const;
export type Program = keyof typeof programs;

export interface KernelFacts {
  /** Programs that are not on the PATH: what they ask for is not known. */
  readonly absent: readonly Program[];
  readonly namespaces: boolean;
  readonly veth: boolean;
  readonly bridge: boolean;
  readonly dummy: boolean;
  readonly tun: boolean;
  readonly overlay: boolean;
  readonly loop: boolean;
  readonly nftables: boolean;
  readonly cgroup: boolean;
  readonly subnet: boolean;
}

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** Without it the lab runs all the same. */
  readonly optional?: true;
  readonly purpose: string;
  readonly fix: string;
}

const enoughGB = { cold: 20, warm: 6 };
const enoughStateGB = 5;
const enoughMemoryGB = 5;
/** The files of a guest are laid out in it. */
const enoughSharedMB = 500;

export function judgeMachine(facts: MachineFacts): Finding[] {
  const disk = facts.built ? enoughGB.warm : enoughGB.cold;
  return [
    {
      name: 'root',
      ok: facts.root,
      purpose: 'makes namespaces, mounts and network links',
      fix: 'run as root, or in a privileged container',
    },
    {
      name: `x86-64 (${facts.arch})`,
      ok: facts.arch === 'x64',
      purpose: 'guests and KubeVirt are built for it',
      fix: 'use an x86-64 machine',
    },
    {
      name: 'Debian',
      ok: facts.debian,
      purpose: 'guests and images are made from its packages by its own tools',
      fix: 'use Debian 12 or newer, also in a privileged container',
    },
    {
      name: `${disk} GB of disk (${facts.freeGB} free)`,
      ok: facts.freeGB >= disk,
      purpose: 'programs, images, disks of guests',
      fix: 'free some, or put TRANSHIP_CACHE on a larger file system',
    },
    {
      name: `${enoughStateGB} GB of disk for the state (${facts.stateFreeGB} free)`,
      ok: facts.stateFreeGB >= enoughStateGB,
      purpose: 'the disks of a lab’s VMs, before and after they move',
      fix: 'free some, or put TRANSHIP_LAB_DIR on a larger file system',
    },
    {
      name: `${enoughSharedMB} MB in /dev/shm (${facts.sharedMemoryMB} free)`,
      ok: facts.sharedMemoryMB >= enoughSharedMB,
      purpose: 'guests are laid out in it',
      fix: 'docker run --shm-size=1g; elsewhere mount -o remount,size=1g /dev/shm',
    },
    {
      name: `${enoughMemoryGB} GB of memory (${facts.availableMemoryGB} available)`,
      ok: facts.availableMemoryGB >= enoughMemoryGB,
      purpose: 'the cluster takes 2 GB, each guest more than half of one',
      fix: 'end what else runs, or use a larger machine',
    },
  ];
}

export function judgeKernel(facts: KernelFacts): Finding[] {
  const all = features(facts);
  const unknown = facts.absent.map((program): Finding => {
    const asked = all.filter(({ by }) => by === program).map(({ name }) => name);
    return {
      name: `the program ${program}`,
      ok: false,
      purpose: `tells whether there is ${asked.join(', ')}`,
      fix: `apt-get install ${programs[program]}, as \`lab setup\` does; where it is installed, put /usr/sbin on the PATH`,
    };
  });
  const known = all.filter(({ by }) => by === undefined || !facts.absent.includes(by));
  return [...unknown, ...known.map(({ by, ...finding }) => finding)];
}

function features(facts: KernelFacts): (Finding & { by?: Program })[] {
  const option = (name: string, ok: boolean, by: Program, purpose: string, config: string) => ({
    name,
    ok,
    by,
    purpose,
    fix: `use a kernel with ${config}, or load the module`,
  });
  return [
    {
      name: 'namespaces',
      ok: facts.namespaces,
      purpose: 'the node lives in PID, mount, UTS and network namespaces of its own',
      fix: 'give the container CAP_SYS_ADMIN and no seccomp filter (docker run --privileged)',
    },
    option('veth', facts.veth, 'ip', 'the way from this machine to the lab, and to its pods', 'CONFIG_VETH'),
    option('bridge', facts.bridge, 'ip', 'the networks of pods and guests', 'CONFIG_BRIDGE'),
    option('tun', facts.tun, 'ip', 'NICs of guests', 'CONFIG_TUN (and /dev/net/tun)'),
    option(
      'overlayfs',
      facts.overlay,
      'mount',
      'the file systems of pods',
      'CONFIG_OVERLAY_FS; not on top of another overlay',
    ),
    option('loop', facts.loop, 'losetup', 'volumes of mode Block', 'CONFIG_BLK_DEV_LOOP (and /dev/loop-control)'),
    option(
      'nftables',
      facts.nftables,
      'nft',
      'the cluster’s Services, and masquerade for VMs',
      'CONFIG_NF_TABLES and CONFIG_NFT_NAT',
    ),
    {
      name: 'cgroups',
      ok: facts.cgroup,
      purpose: 'the kubelet and the containers',
      fix: 'mount cgroup v2, or v1 with cpu, memory and devices, writable at /sys/fs/cgroup',
    },
    {
      name: 'a network of 10.89.0.0/16',
      ok: facts.subnet,
      by: 'ip',
      purpose: 'addresses of the lab (its ports are in a network of their own and take none of this machine’s)',
      fix: 'remove the addresses of 10.89.0.0/16 that are in use',
    },
    {
      ...option('dummy', facts.dummy, 'ip', 'bridge binding of VMs', 'CONFIG_DUMMY'),
      optional: true,
      fix: 'nothing: virt-handler is built to use a bridge in its place',
    },
  ];
}

/** @throws Error that tells everything that is missing, what it is for and how it is had */
export function insist(findings: readonly Finding[]): void {
  const missing = findings.filter(({ ok, optional }) => !ok && !optional);
  if (missing.length === 0) return;
  const lines = missing.map(({ name, purpose, fix }) => `  ✗ ${name}: ${purpose}\n      ${fix}`);
  throw new Error(`this machine cannot run the lab:\n${lines.join('\n')}`);
}
