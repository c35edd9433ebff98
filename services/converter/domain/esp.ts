/** What lies on the partition of UEFI. */
export interface Esp {
  /** Where the guest mounts it. */
  readonly at: string;
  /** `EFI/BOOT/BOOTX64.EFI` or its like is there. */
  readonly fallback: boolean;
  /** Kernels in one file with their initramfs, which loaders start without an entry. */
  readonly unified?: readonly string[];
  /** The loaders of each other folder of `EFI`, by their names in lower case. */
  readonly folders: readonly { readonly name: string; readonly files: ReadonlyMap<string, Buffer> }[];
}

export const machines = ['x64', 'aa64'] as const;
/** The names that are read: a shim, what it starts and asks for keys, and what starts without one. */
export const loaderNames: readonly string[] = machines.flatMap((machine) => [
  `shim${machine}.efi`,
  `grub${machine}.efi`,
  `mm${machine}.efi`,
  `systemd-boot${machine}.efi`,
]);
export const fallbackNames: readonly string[] = machines.map((machine) => `boot${machine}.efi`);
