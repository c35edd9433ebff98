import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { extDisk, kernel, textIn, tree } from '../testing/tree.ts';
import { CpioIndex } from './cpio.ts';
import { closedIn, deviceNames } from './crypttab.ts';
import { together } from './part.ts';
import { devicesRule } from './rules/devices.ts';
import { driversRule } from './rules/drivers.ts';
import { encryptedRule } from './rules/encrypted.ts';
import type { Disk, Volume } from './volumes.ts';

const [partition] = extDisk().volumes as [Volume];
const encrypted: Volume = { ...partition, fileSystem: { kind: 'luks', uuid: 'c-1', label: '' } };
const inside: Volume = {
  ...{ disk: 0, offset: 0, length: 1, opened: { of: encrypted, as: 'x' } },
  fileSystem: { kind: 'ext', uuid: 'u-1', label: '' },
};
const disks = (volumes: readonly Volume[]): Disk[] => [{ ...extDisk(), volumes }];
const open = disks([encrypted, inside]);

test('crypttab - a name of device mapper means the inside of what crypttab opens by it', () => {
  const named = deviceNames('# c\nroot_crypt UUID="c-1" none luks\n\n', open);
  expect(named('/dev/mapper/root_crypt')).toEqual({ volume: inside, within: encrypted });
  expect(named('/dev/disk/by-id/dm-name-root_crypt')).toEqual({ volume: inside, within: encrypted });
  expect(named('UUID=u-1')).toEqual({ volume: inside });
  expect(named('/dev/mapper/other')).toEqual({});
  expect(deviceNames('a /dev/sda1\n', open)('/dev/mapper/a').volume).toBe(inside);
  // What the kernel line alone tells of.
  expect(deviceNames('', open)('/dev/mapper/luks-c-1').volume).toBe(inside);
});

test('crypttab - where it was not opened, what it lies within is known', () => {
  expect(deviceNames('a UUID=c-1 none\n', disks([encrypted]))('/dev/mapper/a')).toEqual({ within: encrypted });
  expect([closedIn(disks([encrypted])), closedIn(open)]).toEqual([[encrypted], []]);
});

test('crypttab - a device in it is named by UUID, in the initramfs as well: there it stands as the guest had it', () => {
  const crypttab = 'root_crypt /dev/sda1 none luks\n';
  const texts = new Map([['cryptroot/crypttab', crypttab]]);
  const facts = tree({ '/etc/crypttab': crypttab }, { disks: open, kernels: [kernel({ texts })] });
  const after = 'root_crypt UUID=c-1 none luks\n';
  expect(textIn(together([devicesRule(facts)]), '/etc/crypttab')).toBe(after);
  const appended = (each: typeof facts) => {
    const change = together([driversRule(each)]).changes.find(({ kind }) => kind === 'append');
    const index = new CpioIndex((name) => name.endsWith('crypttab'));
    index.push(gunzipSync((change as { content: Buffer }).content));
    return index.kept.get('cryptroot/crypttab')?.toString();
  };
  expect(appended(facts)).toBe(after);
  // A second run appends the same, so that it finds it there.
  const second = tree({ '/etc/crypttab': after }, { disks: open, kernels: [kernel({ texts })] });
  expect(appended(second)).toBe(after);
  expect(appended({ ...facts, kernels: [kernel()] })).toBeUndefined();
});

test('encrypted - it is told that the guest goes on asking, and what a TPM opened may stay closed', () => {
  const concerns = (volume: Volume) =>
    encryptedRule({ disks: disks([volume, { ...inside, opened: { of: volume, as: 'x' } }]) }).concerns;
  expect(concerns(encrypted)).toMatchObject([
    { id: 'guest.encrypted', category: 'information', why: 'disk 0, partition 1 is encrypted (LUKS)' },
  ]);
  const bound = { ...encrypted, fileSystem: { ...encrypted.fileSystem!, bindings: ['clevis'] } };
  expect(concerns(bound)).toMatchObject([{ id: 'guest.key-bound', category: 'warning' }]);
  expect(encryptedRule({ disks: [extDisk()] }).concerns).toEqual([]);
});
