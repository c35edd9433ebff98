import type { Entry } from './entry.ts';

/** What stands in the way of a conversion. */
export const guestErrors = {
  'guest.unsupported': {
    title: 'This guest cannot be converted',
    fix: 'Prepare it by hand and move it by a plan of its own with convert: none',
    retry: false,
    status: 422,
  },
  'guest.windows-unsupported': {
    title: 'This Windows is not converted',
    fix: 'Move it by a plan of its own with convert: none, diskBus: sata and nicModel: e1000e, or install the virtio drivers in it before the migration and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.drivers-missing': {
    title: 'The media folder has no virtio drivers for this Windows',
    fix: 'Lay the content of the virtio-win ISO image into the folder `windows` of the converter’s media folder, and retry',
    retry: false,
    status: 422,
  },
  'guest.bitlocker-unsupported': {
    title: 'A disk of the guest is encrypted by BitLocker',
    fix: 'Turn BitLocker off in the guest (`manage-bde -off C:`), wait until the disk is decrypted, and retry: a suspended one stays encrypted',
    retry: false,
    status: 422,
  },
  'guest.xfs-unsupported': {
    title: 'A root on xfs cannot be reached without mounting it',
    fix: 'Give workbenches the image with the appliance (deploy/images/Containerfile.appliance), or allow the mount engine (TRANSHIP_MOUNT_ENGINE=true), or prepare the guest and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.btrfs-unsupported': {
    title: 'A root on btrfs cannot be reached without mounting it',
    fix: 'Give workbenches the image with the appliance (deploy/images/Containerfile.appliance), or prepare the guest by hand (virtio in its initramfs, NIC names by MAC) and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.luks-unsupported': {
    title: 'The root of the guest is encrypted (LUKS)',
    fix: 'Prepare the guest by hand (virtio in its initramfs, NIC names by MAC) and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.raid-unsupported': {
    title: 'The root of the guest is on software RAID',
    fix: 'Break the mirror in the guest, or prepare it by hand and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.lvm-unsupported': {
    title: 'This layout of LVM is not reached',
    fix: 'Give workbenches the image with the appliance (deploy/images/Containerfile.appliance), or move the logical volume named to one run of extents (pvmove, lvconvert) in the guest, or set convert: none',
    retry: false,
    status: 422,
  },
  'guest.os-unsupported': {
    title: 'This operating system is not known',
    fix: 'Prepare the guest by hand, or move it by a plan of its own with convert: none, diskBus: sata and nicModel: e1000e',
    retry: false,
    status: 422,
  },
  'guest.multi-boot-unsupported': {
    title: 'More than one operating system lies on the disks',
    fix: 'Leave one of them on the disks, or set convert: none',
    retry: false,
    status: 422,
  },
  'guest.initramfs-unsupported': {
    title: 'The initramfs of the guest is made by a tool that is not known',
    fix: 'Put virtio_pci, virtio_blk, virtio_scsi and virtio_net into it in the guest and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.kernel-unsupported': {
    title: 'A kernel of the guest has no virtio',
    fix: 'Remove this kernel or install one with virtio in the guest, or set convert: none',
    retry: false,
    status: 422,
  },
  'guest.boot-unsupported': {
    title: 'The boot loader of the guest is not known',
    fix: 'Check that its kernel line names its root by UUID, and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.fallback-unsupported': {
    title: 'UEFI would find no boot loader on KubeVirt, where the firmware’s variables are new',
    fix: 'Install it for removable media in the guest (grub-install --removable, or bootctl install), and retry',
    retry: false,
    status: 422,
  },
  'guest.device-unsupported': {
    title: 'The guest names a disk in a way that does not hold on KVM',
    fix: 'Name it by UUID in the file that is named, in the guest, and retry',
    retry: false,
    status: 422,
  },
  'guest.network-unsupported': {
    title: 'The network configuration of the guest will not hold on KVM',
    fix: 'Match the NIC by its MAC in the file that is named, in the guest, and retry',
    retry: false,
    status: 422,
  },
  'guest.malformed': {
    title: 'What lies on the disk makes no sense',
    fix: 'Check the guest’s disk in the guest (fsck, vgck), and retry',
    retry: false,
    status: 422,
  },
  'guest.image': {
    title: 'This disk image cannot be used',
    fix: 'Give a raw image: `qemu-img convert -O raw IN OUT`',
    retry: false,
    status: 422,
  },
  'guest.hibernated': {
    title: 'The guest sleeps on its disk',
    fix: 'Turn fast start-up and hibernation off in the guest (`powercfg /h off`), shut it down, and retry',
    retry: false,
    status: 409,
  },
  'guest.dirty': {
    title: "The guest's file system is not clean",
    fix: 'Shut the guest down properly and retry',
    retry: false,
    status: 409,
  },
  'guest.no-space': {
    title: 'No room in the guest for the conversion',
    fix: 'Free some space in the file system named',
    retry: false,
    status: 409,
  },
  'guest.conversion': {
    title: 'The conversion failed',
    fix: 'See the detail; the copy is kept, `tranship retry` converts again',
    retry: false,
    status: 500,
  },
  'guest.torn': {
    title: 'The conversion was cut off in the middle, and the disk cannot be put back',
    fix: 'Copy the disks again: they are compared with the source and rewritten where they differ',
    retry: false,
    status: 409,
  },
} as const satisfies Record<string, Entry>;
