import type { TargetDisk, TargetVm } from '@tranship/contracts';

/** A machine to be booted in isolation, and the files that it is made of. */
export interface Machine {
  readonly target: TargetVm;
  readonly memoryMB: number;
  readonly accelerator: 'kvm' | 'tcg';
  /** By the index of its disk. */
  readonly overlays: ReadonlyMap<number, Overlay>;
  /** Sockets. */
  readonly monitor: string;
  readonly console: string;
  readonly agent: string;
  /** For UEFI: a writable copy of the firmware's variables. */
  readonly variables?: string;
}

/** A qcow2 file over a copy, which is a file or a block device. */
export interface Overlay {
  readonly file: string;
  readonly base: string;
  readonly isDevice: boolean;
}

const mostProcessors = 2;
const firmware = '/usr/share/OVMF/OVMF_CODE_4M.fd';
/** What its emulator keeps of translated code; its own choice would be a quarter of all memory. */
const translationMiB = 128;

/**
 * QEMU's arguments for hardware as KubeVirt will give it. Each NIC has its MAC, and a hub of its own on which nobody else
 * is; the copies are read only, what is written goes to the overlays; QEMU may start no program.
 */
export function qemuArguments(machine: Machine): string[] {
  const { target, memoryMB, accelerator, variables } = machine;
  const ports = rootPorts();
  const devices = [
    ...[
      '-device',
      `virtio-serial-pci,${ports.next()}`,
      '-chardev',
      `socket,id=agent,path=${machine.agent},server=on,wait=off`,
    ],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
    ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', `virtio-rng-pci,rng=rng,${ports.next()}`],
    ...(target.disks.some(({ bus }) => bus === 'scsi') ? ['-device', `virtio-scsi-pci,id=scsi,${ports.next()}`] : []),
    ...sataControllers(target.disks),
    ...target.disks.flatMap((disk) => diskArguments(disk, machine, ports)),
    ...target.nics.flatMap(({ mac, model }, i) => [
      ...['-netdev', `hubport,id=net${i},hubid=${i}`],
      '-device',
      `${model === 'virtio' ? 'virtio-net-pci' : 'e1000e'},netdev=net${i},mac=${mac},romfile=,${ports.next()}`,
    ]),
  ];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'std'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', 'q35', '-accel', accelerator === 'kvm' ? 'kvm' : `tcg,thread=multi,tb-size=${translationMiB}`],
    ...['-cpu', accelerator === 'kvm' ? 'host' : 'max', '-smp', String(Math.min(target.cpus, mostProcessors))],
    ...['-m', `${memoryMB}M`, ...(target.uuid === undefined ? [] : ['-uuid', target.uuid])],
    ...['-chardev', `socket,id=monitor,path=${machine.monitor},server=on,wait=off`, '-mon', 'monitor,mode=control'],
    // It waits until somebody listens: nothing that the guest says is lost.
    ...['-chardev', `socket,id=console,path=${machine.console},server=on,wait=on`, '-serial', 'chardev:console'],
    ...(variables === undefined
      ? []
      : [
          ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${firmware}`],
          ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
        ]),
    ...ports.declared(),
    ...devices,
  ];
}

function diskArguments(
  { index, bus }: TargetDisk,
  { overlays }: Machine,
  ports: ReturnType<typeof rootPorts>,
): string[] {
  const { file, base, isDevice } = overlays.get(index)!;
  const node = {
    ...{ driver: 'qcow2', 'node-name': `disk${index}`, discard: 'unmap' },
    file: { driver: 'file', filename: file },
    // Not as the qcow2 file itself names it: read only, whatever happens.
    backing: {
      ...{ driver: 'raw', 'read-only': true },
      file: { driver: isDevice ? 'host_device' : 'file', filename: base, locking: 'off', 'read-only': true },
    },
  };
  const drive = `drive=disk${index},bootindex=${index + 1}`;
  const device = {
    virtio: () => `virtio-blk-pci,${drive},${ports.next()}`,
    scsi: () => `scsi-hd,bus=scsi.0,${drive}`,
    sata: () => `ide-hd,bus=${sataBus(index)},${drive}`,
  }[bus];
  return ['-blockdev', JSON.stringify(node), '-device', device()];
}

/** The machine has one controller of its own; the next disks are given more. */
const sataPorts = 6;
const sataBus = (index: number) =>
  index < sataPorts ? `ide.${index}` : `sata${Math.floor(index / sataPorts)}.${index % sataPorts}`;
function sataControllers(disks: readonly TargetDisk[]): string[] {
  const last = Math.max(0, ...disks.filter(({ bus }) => bus === 'sata').map(({ index }) => index));
  return Array.from({ length: Math.floor(last / sataPorts) }, (_, i) => ['-device', `ahci,id=sata${i + 1}`]).flat();
}

/** Each device has a port of its own, as KubeVirt gives it. */
function rootPorts() {
  let made = 0;
  return {
    next: () => `bus=port${made++}`,
    declared: () =>
      Array.from({ length: made }, (_, i) => ['-device', `pcie-root-port,id=port${i},chassis=${i + 1}`]).flat(),
  };
}
