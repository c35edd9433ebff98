import type { Manager } from './network.ts';

export const firmwares = ['bios', 'efi'] as const;
export const fileSystems = ['ext4', 'xfs', 'btrfs'] as const;
export const volumes = ['plain', 'lvm'] as const;

/** What a guest is installed from. */
export interface System {
  readonly release: 'bookworm' | 'trixie';
  /** Who makes its initramfs. */
  readonly maker: 'initramfs-tools' | 'dracut';
  readonly manager: Manager;
}

/** How its disk is laid out. */
export interface Layout {
  readonly firmware: (typeof firmwares)[number];
  readonly fileSystem: (typeof fileSystems)[number];
  readonly volume: (typeof volumes)[number];
}
