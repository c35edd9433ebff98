import { leafBytes, type StepInput, sumBytesOf, type TargetDisk, type TargetVm } from '@tranship/contracts';
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
}

/** What stands for a VM while its disks are worked on: their claims, the scratch claim, and the workbench. */
type Input = Omit<StepInput<'prepare'>, 'target'> & {
  readonly disks: TargetDisk[];
  readonly nodeSelector: TargetVm['nodeSelector'];
};

export function bench(input: Input, config: Settings) {
  const { migration, vm, workbench, disks, connection, nodeSelector, grade } = input;
  const { workNamespace: namespace, workbenchImage: image } = config;
  const labels = marks({ migration, vm });
  const nats = { url: config.workbenchNatsUrl, secret: config.workbenchNatsSecret };
  const mib = 1024 ** 2;
  const scratchBytes = config.scratchGB * gib + Math.ceil(ledgerBytes(disks, grade) / mib) * mib;
  const space = {
    ...{ name: scratch(workbench), namespace, labels, storageClass: config.scratchStorageClass },
    ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bytes: scratchBytes } as const),
  };
  const names = { name: workbench, namespace, labels, migration, vm };
  return {
    scratch: claim(space),
    disks: disks.map((disk) => diskClaim(disk, workDisk(workbench, disk.index), namespace, labels)),
    job: workbenchJob({ ...names, image, disks, connection, nodeSelector, nats }),
  };
}
