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

/** The lab's own guests, but for who manages their network. */
export const recipes = {
  'debian-12': { release: 'bookworm', maker: 'initramfs-tools' },
  'debian-12-dracut': { release: 'bookworm', maker: 'dracut' },
} as const satisfies Record<string, Omit<System, 'manager'>>;
export type Recipe = keyof typeof recipes;

/** How its disk is laid out. */
export interface Layout {
  readonly firmware: (typeof firmwares)[number];
  readonly fileSystem: (typeof fileSystems)[number];
  readonly volume: (typeof volumes)[number];
}
