import { refuse } from '../../part.ts';
import type { WindowsFacts, WindowsPart } from '../facts.ts';

/** The variables of the firmware stay behind: on KubeVirt a UEFI finds Windows' loader by the path for removable media alone. */
export function fallbackRule({ esp, loader, place }: WindowsFacts): WindowsPart {
  if (!esp || esp.fallback) return {};
  const path = place(`${esp.at}/EFI/BOOT/BOOTX64.EFI`);
  if (loader) return { changes: [{ kind: 'file', path, content: loader }] };
  return {
    refusals: [refuse('guest.fallback-unsupported', 'its EFI partition has no BOOT folder, and no loader of Windows')],
  };
}
