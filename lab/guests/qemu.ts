import type { WorldVm } from '../world/schema.ts';

export interface Machine {
  readonly vm: WorldVm;
  readonly disks: readonly string[];
  /** Names of TAP links, one a NIC. */
  readonly taps: readonly string[];
  readonly serial: string;
  readonly monitor: string;
  /** For UEFI: a writable copy of the firmware's variables. */
  readonly variables: string;
}

/** Physical slot numbers as VMware gives them: 192 makes systemd call the NIC ens192, then ens224. */
const nicSlots = [192, 224, 256];

/** QEMU's arguments for hardware as VMware has it: q35, slots by number, pvscsi (AHCI for UEFI), vmxnet3. Software emulation. */
export function qemuArguments({ vm, disks, taps, serial, monitor, variables }: Machine): string[] {
  const macs = [...(vm.network ? [vm.network] : []), ...vm.networks].map((nic) => nic.mac);
  const efi = vm.firmware === 'efi';
  const args = [
    ...[
      '-machine',
      'q35',
      '-accel',
      'tcg,thread=multi',
      '-cpu',
      'max',
      '-smp',
      String(vm.cpus),
      '-m',
      String(vm.memoryMB),
    ],
    ...['-name', vm.name, '-display', 'none', '-nodefaults', '-vga', 'std', '-serial', `file:${serial}`],
    ...['-qmp', `unix:${monitor},server=on,wait=off`],
    ...['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
    ...['-smbios', 'type=1,manufacturer=VMware,, Inc.,product=VMware Virtual Platform'],
  ];
  if (efi) {
    args.push('-drive', 'if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd');
    args.push('-drive', `if=pflash,format=raw,unit=1,file=${variables}`);
  } else {
    args.push(
      '-device',
      'pcie-root-port,id=rps,chassis=1,slot=160,bus=pcie.0,addr=0x16',
      '-device',
      'pvscsi,id=s0,bus=rps',
    );
  }
  disks.forEach((file, i) => {
    args.push('-drive', `if=none,id=d${i},file=${file},format=raw,cache=writeback,discard=unmap`);
    const boot = i === 0 ? ',bootindex=1' : '';
    args.push(
      '-device',
      efi ? `ide-hd,drive=d${i},bus=ide.${i}${boot}` : `scsi-hd,drive=d${i},bus=s0.0,scsi-id=${i}${boot}`,
    );
  });
  taps.forEach((tap, i) => {
    args.push('-netdev', `tap,id=n${i},ifname=${tap},script=no,downscript=no`);
    args.push(
      '-device',
      `pcie-root-port,id=rpn${i},chassis=${10 + i},slot=${nicSlots[i]},bus=pcie.0,addr=${(0x17 + i).toString(16).replace(/^/, '0x')}`,
    );
    args.push('-device', `vmxnet3,netdev=n${i},mac=${macs[i]},bus=rpn${i},romfile=`);
  });
  return args;
}
