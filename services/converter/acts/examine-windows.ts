import { join } from 'node:path';
import { readEsp } from '../adapters/esp.ts';
import { type Guest, speller } from '../adapters/guest.ts';
import { withHive } from '../adapters/hives.ts';
import { readMedia } from '../adapters/media.ts';
import type { Nic } from '../domain/nic-names.ts';
import { errorOf, refuse } from '../domain/part.ts';
import { type WindowsFacts, winPaths } from '../domain/windows/facts.ts';
import { driverFolder, type Windows } from '../domain/windows/windows.ts';
import type { GuestFs } from '../ports.ts';

interface Given {
  readonly windows: Windows;
  readonly nics: readonly Nic[];
  readonly mediaDir: string;
}

const [maxLoader, maxHive] = [32 * 1024 ** 2, 512 * 1024 ** 2];

/** Reads from a Windows all that the plan is made from, for `use`. Nothing is changed. */
export async function examineWindows<T>(
  guest: Guest<GuestFs>,
  { windows, nics, mediaDir }: Given,
  use: (facts: WindowsFacts) => T,
): Promise<T> {
  const esp = await readEsp(guest);
  const loaders = esp ? [`${esp.at}/EFI/BOOT`, `${esp.at}/EFI/Microsoft/Boot`] : [];
  const place = await speller(guest, [...Object.values(winPaths), ...loaders]);
  const [system, software] = [place(winPaths.system), place(winPaths.software)];
  const own = esp && place(`${esp.at}/EFI/Microsoft/Boot/bootmgfw.efi`);
  const loader = own && !esp.fallback ? (await guest.read([own], maxLoader)).get(own) : undefined;
  const media = readMedia(join(mediaDir, 'windows'), driverFolder(windows) ?? '');
  const examined = (copies: ReadonlyMap<string, string>) => {
    const copy = (path: string) => {
      const file = copies.get(path);
      if (file === undefined) throw errorOf(refuse('guest.malformed', `${path} of Windows cannot be read`, path));
      return file;
    };
    return withHive(copy(system), (systemHive) =>
      withHive(copy(software), (softwareHive) =>
        use({
          ...{ windows, nics, media, place },
          system: systemHive,
          software: softwareHive,
          ...(esp ? { esp } : {}),
          ...(loader ? { loader } : {}),
        }),
      ),
    );
  };
  return guest.withCopies([system, software], examined, maxHive);
}
