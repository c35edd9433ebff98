#!/bin/bash
# disk.sh bios|efi ext4|xfs|btrfs plain|lvm ROOT OUT MIB: a bootable raw disk from a root folder, which is changed. ext4 needs
# no mount; xfs and btrfs are mounted by a loop device, LVM's volumes are named by its own tools. GRUB is made by the guest's
# own grub-mkimage, run through the guest's own loader. As in many a guest, fstab has names that hold and names that do not.
set -eu
FIRMWARE=$1 FS=$2 VOLUME=$3 R=$4 O=$5 S=$6
# Mounts end with it.
[ "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
U=8f0e1c1a-0000-4000-8000-00000000d12a BU=8f0e1c1a-0000-4000-8000-00000000b007
V=$(cd "$R/boot"; ls vmlinuz-* | tail -1); V=${V#vmlinuz-}
T=$(mktemp -d); LOOP=; trap '[ -z "$LOOP" ] || losetup -d "$LOOP"; umount "$T/mnt" 2>/dev/null || :; rm -rf "$T"' EXIT
rm -f "$O"; truncate -s "${S}M" "$O"

# Where things lie, in MiB: ESP, /boot (where the root is in LVM), root.
AT=1 PARTS=() N=0 ESP= BOOT=
part() { N=$((N + 1)); PARTS+=("start=$((AT * 2048)), size=$(($1 * 2048)), type=$2"); START=$AT; AT=$((AT + $1)); }
if [ "$FIRMWARE" = efi ]; then part 64 U; ESP=$START ESPN=$N; LABEL=gpt END=1; else LABEL=dos END=0; fi
if [ "$VOLUME" = lvm ]; then part 192 L; BOOT=$START BOOTN=$N; TYPE=V; else TYPE=L; fi
SIZE=$((S - AT - END)); part $SIZE $TYPE; ROOT=$START
[ "$LABEL" = gpt ] || PARTS[0]+=", bootable"
{ echo "label: $LABEL"; [ "$LABEL" = gpt ] || echo 'label-id: 0x5eed0001'; printf '%s\n' "${PARTS[@]}"; } | sfdisk -q "$O"

# The files that name devices, and GRUB's: K is the folder of kernels as GRUB sees it.
case $FS in
  ext4) OPTIONS='errors=remount-ro 0 1' ;;
  xfs) OPTIONS='defaults 0 0' ;;
  btrfs) OPTIONS='subvol=@rootfs 0 0' ;;
esac
if [ "$VOLUME" = lvm ]; then NAME=/dev/mapper/vg0-root; else NAME=UUID=$U; fi
echo "$NAME / $FS $OPTIONS" > "$R/etc/fstab"
[ "$FS" != btrfs ] || { mkdir -p "$R/home"; echo "$NAME /home btrfs subvol=@home 0 0" >> "$R/etc/fstab"; }
[ -z "$BOOT" ] || printf '/dev/sda%s /boot ext4 defaults 0 2\n/dev/vg0/swap none swap sw 0 0\n' "$BOOTN" >> "$R/etc/fstab"
[ -z "$ESP" ] || { mkdir -p "$R/boot/efi"; echo "/dev/sda$ESPN /boot/efi vfat umask=0077 0 0" >> "$R/etc/fstab"; }
ARGUMENTS="root=$NAME ro console=tty0 console=ttyS0,115200"
[ "$FS" != btrfs ] || ARGUMENTS+=' rootflags=subvol=@rootfs'
# dracut waits minutes for a disk that does not come.
[ ! -e "$R/usr/bin/dracut" ] || ARGUMENTS+=' rd.retry=15 rd.timeout=30'
if [ "$BOOT" ]; then K= WHERE=$BU READS=ext2; else K=/boot WHERE=$U READS=${FS/ext4/ext2}; [ "$FS" != btrfs ] || K=/@rootfs/boot; fi
if [ "$FIRMWARE" = efi ]; then P=x86_64-efi; else P=i386-pc; fi
G=$R/usr/lib/grub/$P
mkdir -p "$R/boot/grub/$P"; cp "$G"/*.mod "$G"/*.lst "$R/boot/grub/$P/"
cat > "$R/boot/grub/grub.cfg" <<C
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry 'Debian GNU/Linux' --class debian {
	search --no-floppy --fs-uuid --set=root $WHERE
	linux $K/vmlinuz-$V $ARGUMENTS
	initrd $K/initrd.img-$V
}
C
printf 'search.fs_uuid %s root\nset prefix=($root)%s/grub\n' $WHERE "$K" > "$T/early.cfg"
mkimage() { "$R/lib64/ld-linux-x86-64.so.2" --library-path "$R/lib/x86_64-linux-gnu:$R/usr/lib/x86_64-linux-gnu" "$R/usr/bin/grub-mkimage" -c "$T/early.cfg" -d "$G" -O $P -p "$K/grub" "$@"; }
if [ "$FIRMWARE" = efi ]; then
  mkimage -o "$T/BOOTX64.EFI" part_gpt part_msdos fat $READS search search_fs_uuid normal linux configfile serial terminal echo all_video efi_gop
  truncate -s 64M "$T/esp"; mkfs.vfat -F 32 -n ESP "$T/esp" > /dev/null
  mmd -i "$T/esp" ::EFI ::EFI/BOOT; mcopy -i "$T/esp" "$T/BOOTX64.EFI" ::EFI/BOOT/BOOTX64.EFI
  dd if="$T/esp" of="$O" bs=1M seek=$ESP conv=notrunc,sparse status=none
else
  mkimage -o "$T/core.img" biosdisk part_msdos $READS search_fs_uuid search
  # As grub-bios-setup does for disks: boot.img in the first 440 bytes, 90 90 at 0x66, core.img from sector 1.
  dd if="$G/boot.img" of="$O" bs=440 count=1 conv=notrunc status=none
  printf '\x90\x90' | dd of="$O" bs=1 seek=102 conv=notrunc status=none
  dd if="$T/core.img" of="$O" bs=512 seek=1 conv=notrunc status=none
fi

# /boot on its own: what lies there stands in for what lay below the root.
if [ "$BOOT" ]; then
  mkdir "$T/boot"; mv "$R"/boot/* "$T/boot/"; mkdir -p "$R/boot"
  mke2fs -q -t ext4 -U $BU -L boot -E offset=$((BOOT * 1048576)) -d "$T/boot" "$O" 192M
fi

# A volume group of one disk: the root's extents first, then those for swapping. There is no device mapper to ask: LVM's tools
# write the metadata from a text, and the volumes lie where it says.
if [ "$VOLUME" = lvm ]; then
  PV=LabLab-0001-0000-0000-0000-0000-000001 SWAP=8 ALL=$(((SIZE - 1) / 4)); MAIN=$((ALL - SWAP))
  volume() { printf '%s {\nid = "%s"\nstatus = ["READ", "WRITE", "VISIBLE"]\nflags = []\nsegment_count = 1\nsegment1 {\nstart_extent = 0\nextent_count = %s\ntype = "striped"\nstripe_count = 1\nstripes = ["pv0", %s]\n}\n}\n' "$@"; }
  cat > "$T/vg0" <<C
contents = "Text Format Volume Group"
version = 1
vg0 {
id = "LabLab-0000-0000-0000-0000-0000-000001"
seqno = 1
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = 8192
max_lv = 0
max_pv = 0
metadata_copies = 0
physical_volumes {
pv0 {
id = "$PV"
device = "/dev/sda"
status = ["ALLOCATABLE"]
flags = []
dev_size = $((SIZE * 2048))
pe_start = 2048
pe_count = $ALL
}
}
logical_volumes {
$(volume root LabLab-0002-0000-0000-0000-0000-000001 $MAIN 0)
$(volume swap LabLab-0003-0000-0000-0000-0000-000001 $SWAP $MAIN)
}
}
C
  LOOP=$(losetup -f --show -o $((ROOT * 1048576)) --sizelimit $((SIZE * 1048576)) "$O")
  lvm() { command lvm "$1" -q --config "devices{filter=[\"a|$LOOP|\",\"r|.*|\"] use_devicesfile=0} global{event_activation=0} activation{udev_sync=0 udev_rules=0} backup{backup=0 archive=0}" "${@:2}" > /dev/null; }
  lvm pvcreate -y -ff --norestorefile --uuid $PV "$LOOP"
  lvm vgcfgrestore -f "$T/vg0" vg0
  losetup -d "$LOOP"; LOOP=
  ROOT=$((ROOT + 1)) SIZE=$((MAIN * 4))
  truncate -s $((SWAP * 4))M "$T/swap"; chmod 600 "$T/swap"; mkswap -q -U 8f0e1c1a-0000-4000-8000-000000005a9b "$T/swap"
  dd if="$T/swap" of="$O" bs=1M seek=$((ROOT + SIZE)) conv=notrunc,sparse status=none
fi

case $FS in
  ext4) mke2fs -q -t ext4 -U $U -L root -E offset=$((ROOT * 1048576)) -d "$R" "$O" "${SIZE}M" ;;
  *)
    truncate -s "${SIZE}M" "$T/root"; mkdir "$T/mnt"
    if [ "$FS" = xfs ]; then mkfs.xfs -q -m uuid=$U -L root "$T/root"; else mkfs.btrfs -q -U $U -L root "$T/root"; fi
    mount -o loop "$T/root" "$T/mnt"; IN=$T/mnt
    if [ "$FS" = btrfs ]; then for each in @rootfs @home; do btrfs -q subvolume create "$T/mnt/$each"; done; IN=$T/mnt/@rootfs; fi
    cp -a "$R/." "$IN/"; umount "$T/mnt"
    dd if="$T/root" of="$O" bs=1M seek=$ROOT conv=notrunc,sparse status=none
    ;;
esac
