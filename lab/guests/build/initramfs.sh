#!/bin/bash
# In mmdebstrap's essential stage, with the root as $1: what either maker shall put into the initramfs.
set -eu
modules=(vmw_pvscsi mptsas mptspi ata_piix ahci sd_mod ext4 xfs btrfs crc32c_generic dm_mod vmxnet3 e1000e)
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/etc/dracut.conf.d"
printf 'COMPRESS=gzip\nRESUME=none\n' > "$1/etc/initramfs-tools/conf.d/lab"
echo MODULES=list > "$1/etc/initramfs-tools/conf.d/policy"
printf '%s\n' "${modules[@]}" > "$1/etc/initramfs-tools/modules"
# As dracut does on VMware, where it looks at the machine it runs on.
printf 'hostonly=no\ndrivers=" %s "\nomit_dracutmodules+=" qemu qemu-net "\n' "${modules[*]}" > "$1/etc/dracut.conf.d/lab.conf"
