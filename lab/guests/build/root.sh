#!/bin/bash
# root.sh DIR SOURCES SUITE MAKER PACKAGES: a genuine small Debian. Its initramfs, by initramfs-tools or dracut, is made for
# VMware's hardware alone (no virtio in it: an unconverted disk does not boot on KubeVirt).
set -eu
H=$(dirname "$(readlink -f "$0")")
DIR=$1 SOURCES=$2 SUITE=$3 MAKER=$4 PACKAGES=$5
ex=()
exclude() { ex+=(--dpkgopt="path-exclude=$1"); }
for d in gpu media sound wireless infiniband staging iio isdn hwmon leds usb/serial accessibility input/joystick comedi mtd w1 thunderbolt; do exclude "*/lib/modules/*/kernel/drivers/$d/*"; done
for d in wireless ethernet/mellanox ethernet/chelsio ethernet/broadcom ethernet/qlogic ethernet/cavium ethernet/sfc ethernet/netronome can; do exclude "*/lib/modules/*/kernel/drivers/net/$d/*"; done
exclude '*/lib/modules/*/kernel/sound/*'
for d in doc man locale; do exclude "/usr/share/$d/*"; done
mmdebstrap --quiet --variant=apt --mode=root --aptopt='Apt::Install-Recommends "false"' "${ex[@]}" \
  --include="systemd-sysv,udev,dbus,passwd,kmod,iproute2,iputils-ping,$MAKER,linux-image-amd64,grub-pc,grub-efi-amd64-bin,lvm2,xfsprogs,btrfs-progs,$PACKAGES" \
  --essential-hook="$H/initramfs.sh"' "$1"' \
  --customize-hook="$H/hook.sh"' "$1"' \
  "$SUITE" "$DIR" "$SOURCES"
