import type { TargetNic, TargetVm } from '@tranship/contracts';
import { targetDisk } from './names.ts';
import { windowsClock, windowsFeatures, windowsInputs } from './windows.ts';

/** The VirtualMachine as it is created: halted, with the source's identity. */
export function virtualMachine(target: TargetVm, labels: Readonly<Record<string, string>>) {
  const { name, namespace, disks, nics } = target;
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name,
      namespace,
      labels: { ...target.labels, ...labels },
      annotations: { ...target.annotations },
    },
    spec: {
      runStrategy: 'Halted',
      template: {
        metadata: { labels: { ...target.labels, 'kubevirt.io/domain': name } },
        spec: {
          domain: {
            machine: { type: 'q35' },
            cpu: { sockets: target.cpus / target.coresPerSocket, cores: target.coresPerSocket, threads: 1 },
            memory: { guest: `${target.memoryMB}Mi` },
            features: target.windows ? windowsFeatures : { acpi: {} },
            ...(target.windows ? { clock: windowsClock } : {}),
            firmware: {
              ...(target.uuid === undefined ? {} : { uuid: target.uuid }),
              bootloader: target.firmware === 'efi' ? { efi: { secureBoot: false } } : { bios: {} },
            },
            devices: {
              disks: disks.map(({ index, bus }) => ({ name: `disk-${index}`, disk: { bus }, bootOrder: index + 1 })),
              interfaces: nics.map((nic, i) => ({
                name: `nic-${i}`,
                model: nic.model,
                macAddress: nic.mac,
                ...binding(nic),
                ...(target.sealed ? { state: 'down' } : {}),
              })),
              ...(target.windows ? { inputs: windowsInputs } : {}),
              rng: {},
            },
          },
          terminationGracePeriodSeconds: 180,
          nodeSelector: { ...target.nodeSelector },
          networks: nics.map(({ network }, i) => ({
            name: `nic-${i}`,
            ...(network.type === 'pod' ? { pod: {} } : { multus: { networkName: network.name } }),
          })),
          volumes: disks.map(({ index }) => ({
            name: `disk-${index}`,
            persistentVolumeClaim: { claimName: targetDisk(name, index) },
          })),
        },
      },
    },
  };
}

const binding = ({ network }: TargetNic) => (network.type === 'pod' ? { masquerade: {} } : { bridge: {} });
