import { expect, test } from 'vitest';
import { isEntry, parseEntry, versionOf } from './boot-entries.ts';

const path = '/boot/loader/entries/a.conf';
const parsed = (text: string) => parseEntry({ path, text });

test('entries - what one starts: the last initramfs, without what GRUB puts in; nothing of one without', () => {
  const text =
    'title x\nversion 5.14.0\nlinux /vmlinuz-5.14.0\ninitrd /ucode.img\ninitrd /initramfs-5.14.0.img $tuned_initrd\n';
  expect(parsed(text)).toEqual({ path, version: '5.14.0', linux: '/vmlinuz-5.14.0', initrd: '/initramfs-5.14.0.img' });
  expect(parsed('title x\nefi /memtest.efi\n')).toBeUndefined();
  expect(parsed('linux /vmlinuz\noptions initrd=x\n')).toBeUndefined();
  expect(parsed('linux /vmlinuz\ninitrd /a\0b\n')).toBeUndefined();
});

test('entries - their kernel is told by its version, by the folder of its files, or by their names', () => {
  const versions = ['6.1.0-1-amd64', '6.1.0-2-amd64'];
  const of = (text: string) => versionOf(parsed(text)!, versions);
  expect(of('version 6.1.0-2-amd64\nlinux /l\ninitrd /i\n')).toBe('6.1.0-2-amd64');
  expect(of('version 9\nlinux /token/6.1.0-1-amd64/linux\ninitrd /token/6.1.0-1-amd64/initrd\n')).toBe('6.1.0-1-amd64');
  expect(of('linux /vmlinuz\ninitrd /initrd.img-6.1.0-2-amd64\n')).toBe('6.1.0-2-amd64');
  expect(of('linux /vmlinuz-6.1.0\ninitrd /initrd.img-6.1.0\n')).toBeUndefined();
});

test('entries - in any file system, and in that folder alone', () => {
  expect(['/boot', '/efi', '/boot/efi'].every((at) => isEntry(`${at}/loader/entries/a.conf`))).toBe(true);
  expect(['/loader/entries.conf', '/boot/loader/entries/a/b.conf', '/boot/loader/entries/a'].some(isEntry)).toBe(false);
});
