import { expect, test } from 'vitest';
import { textIn, tree } from '../../testing/tree.ts';
import type { Esp } from '../esp.ts';
import { together } from '../part.ts';
import { fallbackRule } from './fallback.ts';

const plan = (folders: Record<string, readonly string[]>, fallback = false) => {
  const esp: Esp = {
    at: '/boot/efi',
    fallback,
    folders: Object.entries(folders).map(([name, files]) => ({
      name,
      files: new Map(files.map((file) => [file, Buffer.from(`${name} ${file}`)])),
    })),
  };
  return together([fallbackRule({ ...tree({}), esp })]);
};
const boot = '/boot/efi/EFI/BOOT';

test('UEFI - a shim is put at the fallback path with what it starts', () => {
  const found = plan({ debian: ['shimx64.efi', 'grubx64.efi', 'mmx64.efi'], tools: [] });
  expect(textIn(found, `${boot}/BOOTX64.EFI`)).toBe('debian shimx64.efi');
  expect(textIn(found, `${boot}/grubx64.efi`)).toBe('debian grubx64.efi');
  expect(textIn(found, `${boot}/mmx64.efi`)).toBe('debian mmx64.efi');
});

test('UEFI - GRUB or systemd-boot alone, for either machine', () => {
  expect(textIn(plan({ debian: ['grubx64.efi'] }), `${boot}/BOOTX64.EFI`)).toBe('debian grubx64.efi');
  expect(textIn(plan({ systemd: ['systemd-bootaa64.efi'] }), `${boot}/BOOTAA64.EFI`)).toBe(
    'systemd systemd-bootaa64.efi',
  );
});

test('UEFI - what has a fallback is left alone; none or several loaders are refused', () => {
  expect(plan({ debian: ['grubx64.efi'] }, true)).toMatchObject({ changes: [], refusals: [] });
  expect(plan({ debian: ['grubx64.efi'], ubuntu: ['grubx64.efi'] }).refusals).toMatchObject([
    { code: 'guest.fallback-unsupported', detail: expect.stringContaining('debian, ubuntu') },
  ]);
  expect(plan({}).refusals).toMatchObject([{ code: 'guest.fallback-unsupported' }]);
});
