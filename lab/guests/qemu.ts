import type { Layout } from './layout.ts';

export interface Machine {
  readonly name: string;
  readonly firmware: Layout['firmware'];
  readonly cpus: number;
  readonly memoryMB: number;
  /** The first is booted. */
  readonly disks: readonly string[];
  /** Its time passes as it computes, and waits cost none: a busy host makes it late for nothing. One processor. */
  readonly ownTime?: boolean;
  /** Nothing is written to the disks themselves. */
  readonly throwAway?: boolean;
  /** `backend`: QEMU's words for what it is plugged into, without an id. */
  readonly nics: readonly { readonly mac: string; readonly backend: string }[];
  /** Files that serial lines write to. */
  readonly serials: readonly string[];
  /** The socket of its monitor. */
  readonly monitor: string;
  /** For UEFI: a writable copy of the firmware's variables. */
  readonly variables: string;
}

/** Physical slot numbers as VMware gives them: 192 makes systemd call the NIC ens192, then ens224. */
export const nicSlots = [192, 224, 256] as const;
export const nicNames = nicSlots.map((slot) => `ens${slot}`);
/** What a UEFI forgets all it knew with. */
export const freshVariables = '/usr/share/OVMF/OVMF_VARS_4M.fd';

const device = (...words: readonly string[]) => ['-device', words.join(',')];
const drive = (...words: readonly string[]) => ['-drive', words.join(',')];
const address = (at: number) => `addr=0x${at.toString(16)}`;

/** QEMU's arguments for hardware as VMware has it: q35, slots by number, pvscsi (AHCI for UEFI), vmxnet3. Software emulation. */
export function vmwareHardware(machine: Machine): string[] {
  const efi = machine.firmware === 'efi';
  return [
    ...common(machine),
    ...['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
    ...['-smbios', 'type=1,manufacturer=VMware,, Inc.,product=VMware Virtual Platform'],
    ...(efi
      ? []
      : [
          ...device('pcie-root-port', 'id=rps', 'chassis=1', 'slot=160', 'bus=pcie.0', address(0x16)),
          ...device('pvscsi', 'id=s0', 'bus=rps'),
        ]),
    ...machine.disks.flatMap((_, i) =>
      efi
        ? device('ide-hd', `drive=d${i}`, `bus=ide.${i}`, ...first(i))
        : device('scsi-hd', `drive=d${i}`, 'bus=s0.0', `scsi-id=${i}`, ...first(i)),
    ),
    ...machine.nics.flatMap(({ mac }, i) => [
      ...device(
        'pcie-root-port',
        `id=rpn${i}`,
        `chassis=${10 + i}`,
        `slot=${nicSlots[i]}`,
        'bus=pcie.0',
        address(0x17 + i),
      ),
      ...device('vmxnet3', `netdev=n${i}`, `mac=${mac}`, `bus=rpn${i}`, 'romfile='),
    ]),
  ];
}

/** QEMU's arguments for hardware as KubeVirt gives it: q35, virtio behind root ports, the NICs first. */
export function kubevirtHardware(machine: Machine): string[] {
  const ports = machine.nics.length + machine.disks.length;
  const port = (i: number) =>
    device(
      ...['pcie-root-port', `id=rp${i}`, `port=${0x10 + i}`, `chassis=${1 + i}`, 'bus=pcie.0'],
      `addr=0x2${i === 0 ? ',multifunction=on' : `.0x${i}`}`,
    );
  return [
    ...common(machine),
    ...Array.from({ length: ports }, (_, i) => port(i)).flat(),
    ...machine.nics.flatMap(({ mac }, i) =>
      device('virtio-net-pci-non-transitional', `netdev=n${i}`, `mac=${mac}`, `bus=rp${i}`, 'romfile='),
    ),
    ...machine.disks.flatMap((_, i) =>
      device('virtio-blk-pci-non-transitional', `drive=d${i}`, `bus=rp${machine.nics.length + i}`, ...first(i)),
    ),
  ];
}

const first = (i: number) => (i === 0 ? ['bootindex=1'] : []);

function common(machine: Machine): string[] {
  const { name, firmware, cpus, memoryMB, ownTime, disks, throwAway, nics, serials, monitor, variables } = machine;
  return [
    ...['-machine', 'q35', '-cpu', 'max', '-smp', String(cpus), '-m', String(memoryMB)],
    ...(ownTime
      ? ['-accel', 'tcg,thread=single', '-icount', 'shift=2,sleep=off', '-rtc', 'clock=vm']
      : ['-accel', 'tcg,thread=multi']),
    ...['-name', name, '-display', 'none', '-nodefaults', '-vga', 'std'],
    ...serials.flatMap((file) => ['-serial', `file:${file}`]),
    ...['-qmp', `unix:${monitor},server=on,wait=off`],
    ...(firmware === 'efi'
      ? [
          ...drive('if=pflash', 'format=raw', 'unit=0', 'readonly=on', 'file=/usr/share/OVMF/OVMF_CODE_4M.fd'),
          ...drive('if=pflash', 'format=raw', 'unit=1', `file=${variables}`),
        ]
      : []),
    ...disks.flatMap((file, i) =>
      drive(
        ...['if=none', `id=d${i}`, `file=${file}`, 'format=raw', 'discard=unmap'],
        throwAway ? 'cache=unsafe,snapshot=on' : 'cache=writeback',
      ),
    ),
    ...nics.flatMap(({ backend }, i) => ['-netdev', `${backend},id=n${i}`]),
  ];
}
