import type { Change } from '../changes.ts';
import { machines } from '../esp.ts';
import type { Facts } from '../facts.ts';
import { type Part, refuse } from '../part.ts';

/** The variables of the firmware stay behind: on KubeVirt a UEFI finds a loader by the path for removable media alone. */
export function fallbackRule({ esp }: Facts): Part {
  if (!esp || esp.fallback) return {};
  const found = esp.folders.flatMap(({ name, files }) =>
    machines.flatMap((machine) => {
      const first = [`shim${machine}.efi`, `systemd-boot${machine}.efi`, `grub${machine}.efi`].find((each) =>
        files.has(each),
      );
      return first === undefined ? [] : [{ name, files, machine, first }];
    }),
  );
  const [one] = found;
  if (!one || found.length > 1) {
    const what = one ? `several loaders (${found.map(({ name }) => name).join(', ')})` : 'no loader that is known';
    return {
      refusals: [refuse('guest.fallback-unsupported', `${esp.at}/EFI has no BOOT folder, and ${what}`, esp.at)],
    };
  }
  const put = (name: string, content: Buffer): Change => ({
    kind: 'file',
    path: `${esp.at}/EFI/BOOT/${name}`,
    content,
  });
  const beside = one.first.startsWith('shim') ? [`grub${one.machine}.efi`, `mm${one.machine}.efi`] : [];
  return {
    changes: [
      put(`BOOT${one.machine.toUpperCase()}.EFI`, one.files.get(one.first)!),
      ...beside.flatMap((name) => (one.files.has(name) ? [put(name, one.files.get(name)!)] : [])),
    ],
  };
}
