import type { Esp } from '../esp.ts';
import type { Nic } from '../nic-names.ts';
import type { Part } from '../part.ts';
import type { Hive } from './hive.ts';
import type { Chosen } from './media.ts';
import type { KeyEdit } from './registry.ts';
import type { Windows } from './windows.ts';

/** What is laid into a Windows, read. */
export interface Media extends Omit<Chosen, 'drivers' | 'agent'> {
  readonly drivers: ReadonlyMap<string, Buffer>;
  readonly agent?: { readonly name: string; readonly content: Buffer };
}

/** All that the plan for a Windows is made from. */
export interface WindowsFacts {
  readonly windows: Windows;
  readonly system: Hive;
  readonly software: Hive;
  readonly nics: readonly Nic[];
  readonly media: Media;
  /** A path below the root of its volume as it is spelled there, so far as it is there. */
  place(path: string): string;
  readonly esp?: Esp;
  /** Its own loader on the EFI partition, where that has none for removable media. */
  readonly loader?: Buffer;
}

/** What one rule wants of a Windows: also of the two hives, whether they hold it already or not. */
export interface WindowsPart extends Part {
  readonly system?: readonly KeyEdit[];
  readonly software?: readonly KeyEdit[];
}

/** Paths as Windows itself writes them. */
export const winPaths = {
  system: '/Windows/System32/config/SYSTEM',
  software: '/Windows/System32/config/SOFTWARE',
  bootDrivers: '/Windows/System32/drivers',
  /** Windows looks here for drivers of new devices: see DevicePath. */
  drivers: '/Windows/Drivers/VirtIO',
  /** Ours: what is done at the first start, and what was done. */
  own: '/Windows/Tranship',
} as const;

/** The control set that Windows runs by, and the one that it starts by next: mostly the same. */
export function controlSets({ system }: Pick<WindowsFacts, 'system'>): string[] {
  const numbers = ['Current', 'Default'].map((name) => system.value('Select', name));
  const names = numbers.flatMap((number) =>
    typeof number === 'number' ? [`ControlSet${String(number).padStart(3, '0')}`] : [],
  );
  return [...new Set(names)].filter((name) => system.has(name));
}

/** The system folder as the registry of Windows spells it. */
export const winPath = (path: string) => `%SystemRoot%${path.slice('/Windows'.length).replaceAll('/', '\\')}`;
