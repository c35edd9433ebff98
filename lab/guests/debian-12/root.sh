#!/bin/bash
# root.sh DIR SOURCES: a genuine small Debian 12, its initramfs made for VMware's hardware alone (no virtio in it: an
# unconverted disk does not boot on KubeVirt).
set -eu
H=$(dirname "$(readlink -f "$0")")
ex=()
for d in gpu media sound wireless infiniband staging iio isdn hwmon leds usb/serial accessibility input/joystick comedi mtd w1 thunderbolt; do ex+=(--dpkgopt="path-exclude=/lib/modules/*/kernel/drivers/$d/*"); done
for d in wireless ethernet/mellanox ethernet/chelsio ethernet/broadcom ethernet/qlogic ethernet/cavium ethernet/sfc ethernet/netronome can; do ex+=(--dpkgopt="path-exclude=/lib/modules/*/kernel/drivers/net/$d/*"); done
ex+=(--dpkgopt='path-exclude=/lib/modules/*/kernel/sound/*')
for d in doc man locale; do ex+=(--dpkgopt="path-exclude=/usr/share/$d/*"); done
mmdebstrap --quiet --variant=apt --mode=root --aptopt='Apt::Install-Recommends "false"' "${ex[@]}" \
  --include=systemd-sysv,udev,dbus,kmod,iproute2,iputils-ping,initramfs-tools,linux-image-amd64,grub-pc,grub-efi-amd64-bin,ifupdown \
  --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; printf "COMPRESS=gzip\nRESUME=none\n" > "$1/etc/initramfs-tools/conf.d/lab"; echo MODULES=list > "$1/etc/initramfs-tools/conf.d/policy"; printf "%s\n" vmw_pvscsi mptsas mptspi ata_piix ahci sd_mod ext4 crc32c_generic vmxnet3 e1000e > "$1/etc/initramfs-tools/modules"' \
  --customize-hook="$H/hook.sh"' "$1"' \
  bookworm "$1" "$2"
