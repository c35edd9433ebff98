import { leafBytes, type StepInput, sumBytesOf, type TargetDisk } from '@tranship/contracts';
import { marks, scratch, workDisk } from './names.ts';
import { claim, diskClaim } from './volumes.ts';
import { workbenchJob } from './workbench.ts';

const gib = 1024 ** 3;

/** What the ledgers take at most: the sums of all leaves, and those of the pass that runs. */
const ledgerBytes = (disks: readonly TargetDisk[], grade: Input['grade']) =>
  disks.reduce((sum, { sizeBytes }) => sum + Math.ceil(sizeBytes / leafBytes) * sumBytesOf(grade) * 2, 0);

interface Settings {
  readonly workNamespace: string;
  readonly workbenchImage: string;
  readonly workbenchNatsUrl: string;
  readonly workbenchNatsSecret: string;
  readonly scratchGB: number;
  readonly scratchStorageClass?: string | undefined;
  readonly rehearsalMemoryMB: number;
  readonly rehearsalGB: number;
}

/** What stands for a VM while its disks are worked on: their claims, the scratch claim, and the workbench. */
type Input = Omit<StepInput<'prepare'>, 'ran'> & {
  /** A node has KVM for a guest that is rehearsed. */
  readonly kvm: boolean;
};

export function bench(input: Input, config: Settings) {
  const { migration, vm, workbench, target, connection, grade, rehearse, kvm } = input;
  const { disks, luks, nodeSelector, transferNetwork } = target;
  const { workNamespace: namespace, workbenchImage: image } = config;
  const labels = marks({ migration, vm });
  const nats = { url: config.workbenchNatsUrl, secret: config.workbenchNatsSecret };
  const mib = 1024 ** 2;
  const scratchGB = config.scratchGB + (rehearse ? config.rehearsalGB : 0);
  const scratchBytes = scratchGB * gib + Math.ceil(ledgerBytes(disks, grade) / mib) * mib;
  const space = {
    ...{ name: scratch(workbench), namespace, labels, storageClass: config.scratchStorageClass },
    ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bytes: scratchBytes } as const),
  };
  const memoryMB = Math.min(target.memoryMB, config.rehearsalMemoryMB);
  const guest = rehearse ? { rehearsal: { memoryMB, kvm } } : {};
  const names = { name: workbench, namespace, labels, migration, vm };
  return {
    scratch: claim(space),
    disks: disks.map((disk) => diskClaim(disk, workDisk(workbench, disk.index), namespace, labels)),
    job: workbenchJob({
      ...names,
      image,
      disks,
      connection,
      luks: luks?.secret,
      nodeSelector,
      transferNetwork,
      nats,
      ...guest,
    }),
  };
}
