#!/bin/bash
# disk.sh bios|efi ROOT OUT MIB: a bootable raw disk from a root folder, without loop device or mount. GRUB is made by the
# guest's own grub-mkimage, run through the guest's own loader.
set -eu
FIRMWARE=$1 R=$2 O=$3 S=$4
U=8f0e1c1a-0000-4000-8000-00000000d12a
K=$(cd "$R/boot"; ls vmlinuz-* | tail -1); V=${K#vmlinuz-}
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT
printf 'search.fs_uuid %s root\nset prefix=($root)/boot/grub\n' $U > "$T/early.cfg"
mkimage() { "$R/lib64/ld-linux-x86-64.so.2" --library-path "$R/lib/x86_64-linux-gnu:$R/usr/lib/x86_64-linux-gnu" "$R/usr/bin/grub-mkimage" -c "$T/early.cfg" "$@"; }
cat > "$R/boot/grub/grub.cfg" <<X
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry 'Debian GNU/Linux' --class debian {
	search --no-floppy --fs-uuid --set=root $U
	linux /boot/vmlinuz-$V root=UUID=$U ro console=tty0 console=ttyS0,115200
	initrd /boot/initrd.img-$V
}
X
rm -f "$O"; truncate -s "${S}M" "$O"
if [ "$FIRMWARE" = bios ]; then
  G=$R/usr/lib/grub/i386-pc
  printf 'label: dos\nlabel-id: 0x5eed0001\n2048,,83,*\n' | /sbin/sfdisk -q "$O"
  mkdir -p "$R/boot/grub/i386-pc"; cp "$G"/*.mod "$G"/*.lst "$R/boot/grub/i386-pc/"
  mkimage -d "$G" -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$T/core.img" biosdisk part_msdos ext2 search_fs_uuid search
  echo "UUID=$U / ext4 errors=remount-ro 0 1" > "$R/etc/fstab"
  /sbin/mke2fs -q -t ext4 -U $U -L root -E offset=1048576 -d "$R" "$O" "$((S - 1))M"
  # As grub-bios-setup does for disks: boot.img in the first 440 bytes, 90 90 at 0x66, core.img from sector 1.
  dd if="$G/boot.img" of="$O" bs=440 count=1 conv=notrunc status=none
  printf '\x90\x90' | dd of="$O" bs=1 seek=102 conv=notrunc status=none
  dd if="$T/core.img" of="$O" bs=512 seek=1 conv=notrunc status=none
else
  G=$R/usr/lib/grub/x86_64-efi ES=64
  printf 'label: gpt\n2048,%s,U\n%s,%s,L\n' $((ES * 2048)) $(((ES + 1) * 2048)) $(((S - ES - 2) * 2048)) | /sbin/sfdisk -q "$O"
  mkimage -d "$G" -O x86_64-efi -p /boot/grub -o "$T/BOOTX64.EFI" part_gpt part_msdos fat ext2 search search_fs_uuid normal linux configfile serial terminal echo all_video efi_gop
  truncate -s ${ES}M "$T/esp"; /sbin/mkfs.vfat -F 32 -n ESP "$T/esp" > /dev/null
  mmd -i "$T/esp" ::EFI ::EFI/BOOT; mcopy -i "$T/esp" "$T/BOOTX64.EFI" ::EFI/BOOT/BOOTX64.EFI
  mkdir -p "$R/boot/grub/x86_64-efi"; cp "$G"/*.mod "$G"/*.lst "$R/boot/grub/x86_64-efi/"
  echo "UUID=$U / ext4 errors=remount-ro 0 1" > "$R/etc/fstab"
  dd if="$T/esp" of="$O" bs=1M seek=1 conv=notrunc,sparse status=none
  /sbin/mke2fs -q -t ext4 -U $U -L root -E offset=$(((ES + 1) * 1048576)) -d "$R" "$O" "$((S - ES - 2))M"
fi
