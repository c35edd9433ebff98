import type {
  NetworkEntry,
  Plan,
  SourceNic,
  SourceVm,
  StorageEntry,
  TargetDisk,
  TargetNic,
  TargetVm,
} from '@tranship/contracts';
import { kubernetesName } from './names.ts';

/** A plan's maps, by value. */
export interface Maps {
  readonly networks: readonly NetworkEntry[];
  readonly storage: readonly StorageEntry[];
}

interface Named {
  readonly id: string;
  readonly name: string;
}
type Reference = {
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  readonly path?: string | undefined;
};

/** Whether a document's reference means this source object; all that it gives must agree. */
export function means(ref: Reference, object: Named & { path?: string }): boolean {
  return (
    (ref.id === undefined || ref.id === object.id) &&
    (ref.name === undefined || ref.name === object.name) &&
    (ref.path === undefined || ref.path === object.path || ref.path.split('/').at(-1) === object.name)
  );
}

export const networkOf = (nic: SourceNic, maps: Maps) => {
  const { network } = nic;
  return network && maps.networks.find((entry) => means(entry.source, network))?.target;
};

export const storageOf = (datastore: Named | undefined, maps: Maps) =>
  datastore && maps.storage.find((entry) => means(entry.source, datastore))?.target;

export type PlanVm = Plan['spec']['vms'][number];

/** The name on the target: as the plan says, else made from the source's. */
export const targetName = (entry: PlanVm, vm: SourceVm): string | undefined =>
  entry.targetName ?? kubernetesName(vm.name);

/** Whether the target is to run. */
export const starts = ({ spec: { defaults } }: Plan, { powerState }: SourceVm): boolean =>
  defaults.targetPower === 'on' || (defaults.targetPower === 'asSource' && powerState === 'poweredOn');

/** What a guest is given unless its plan says otherwise: one that is not converted may know no virtio. */
const hardware = {
  auto: { nicModel: 'virtio', diskBus: 'virtio' },
  none: { nicModel: 'e1000e', diskBus: 'sata' },
} as const;

/** What the VM shall be on the target. Only for VMs without critical concerns: all maps are known to answer. */
export function resolve(plan: Plan, entry: PlanVm, vm: SourceVm, maps: Maps): TargetVm {
  const { defaults, target, transferNetwork } = plan.spec;
  const { nicModel = hardware[defaults.convert].nicModel, diskBus = hardware[defaults.convert].diskBus } = defaults;
  return {
    name: targetName(entry, vm) ?? vm.id,
    namespace: target.namespace,
    cpus: vm.cpus,
    coresPerSocket: vm.coresPerSocket,
    memoryMB: vm.memoryMB,
    firmware: vm.firmware,
    ...(vm.biosUuid === undefined ? {} : { uuid: vm.biosUuid }),
    // vSphere's names: windows2019srv_64Guest, win98Guest, winNetStandardGuest.
    ...(/^win/i.test(vm.guestId) ? { windows: true } : {}),
    ...(entry.luks ? { luks: entry.luks } : {}),
    disks: vm.disks.flatMap((disk, index): TargetDisk[] => {
      const storage = storageOf(disk.datastore, maps);
      return storage
        ? [{ index, key: disk.key, file: disk.file, sizeBytes: disk.capacityBytes, ...storage, bus: diskBus }]
        : [];
    }),
    nics: vm.nics.flatMap((nic): TargetNic[] => {
      const network = networkOf(nic, maps);
      if (!network || network.type === 'ignored') return [];
      const addresses = defaults.preserveStaticIPs ? nic.addresses : [];
      const slot = nic.slot === undefined ? {} : { slot: nic.slot };
      return [{ mac: nic.mac, model: nicModel, network, ...slot, addresses }];
    }),
    // Who starts it later expects a network.
    ...(defaults.firstStart === 'sealed' && starts(plan, vm) ? { sealed: true } : {}),
    runStrategy: defaults.runStrategy,
    labels: defaults.labels,
    annotations: defaults.annotations,
    nodeSelector: defaults.nodeSelector,
    ...(transferNetwork === null ? {} : { transferNetwork }),
  };
}
