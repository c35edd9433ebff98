import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { TranshipError } from '@tranship/contracts';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { quote } from './adapters/debugfs.ts';
import { probeDisks } from './adapters/disks.ts';
import { readInitrd } from './adapters/initrd.ts';
import { cpio } from './domain/cpio.ts';
import { parseFstab, renameInCrypttab, renameInFstab } from './domain/devices.ts';
import { unifiedDiff } from './domain/diff.ts';
import { parseOsRelease } from './domain/os-release.ts';
import { readPartitions } from './domain/partitions.ts';
import { planChanges } from './domain/plan.ts';
import { identify } from './domain/superblock.ts';
import { kernel, tree } from './testing/tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'tranship-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;
/** Some 2,000 inputs in all, the same at each run. */
const runs = (numRuns: number) => ({ numRuns, seed: 20 });

/** A disk of 1 MiB with a valid GPT or MBR and superblocks, of which some words are anything. */
const words = fc.array(
  fc.tuple(fc.nat(0x1fff), fc.oneof(fc.constantFrom(0, 0xffffffff, 0x7fffffff, 0x80000000), fc.nat())),
  {
    maxLength: 12,
  },
);
const magics = fc.constantFrom('XFSB', 'LUKS\xba\xbe', 'NTFS    ', 'SWAPSPACE2', 'LABELONE', 'EFI PART', '');

function disk(kind: string, magic: string, at: number, noise: readonly (readonly [number, number])[]): Buffer {
  const image = Buffer.alloc(1024 ** 2);
  image.writeUInt16LE(0xaa55, 510);
  image[450] = kind === 'gpt' ? 0xee : kind === 'extended' ? 0x05 : 0x83;
  image.writeUInt32LE(1, 454);
  image.writeUInt32LE(2000, 458);
  if (kind === 'gpt') {
    image.write('EFI PART', 512);
    image.writeBigUInt64LE(2n, 512 + 72);
    image.writeUInt32LE(128, 512 + 80);
    image.writeUInt32LE(128, 512 + 84);
    image.fill(7, 1024, 1024 + 48);
  }
  image.writeUInt16LE(0xef53, 512 + 1024 + 56);
  image.write(magic, at, 'latin1');
  for (const [place, word] of noise) image.writeUInt32LE(word >>> 0, place * 4);
  return image;
}

test('hostile - partition tables and superblocks: an answer within the disk, or none', () => {
  fc.assert(
    fc.property(fc.constantFrom('mbr', 'gpt', 'extended'), magics, fc.nat(70_000), words, (kind, magic, at, noise) => {
      const image = disk(kind, magic, at, noise);
      const read = (offset: number, length: number) =>
        offset >= 0 && Number.isSafeInteger(offset) ? image.subarray(offset, offset + length) : Buffer.alloc(0);
      const { partitions } = readPartitions(read, image.length);
      expect(partitions.length).toBeLessThan(1100);
      for (const { offset, length } of partitions) {
        expect(offset + length).toBeLessThanOrEqual(image.length);
        identify(read, offset, length);
      }
      identify(read, 0, image.length);
    }),
    runs(600),
  );
});

test('hostile - whole disks through the adapter that reads them', () => {
  const file = join(folder, 'disk.img');
  fc.assert(
    fc.property(fc.constantFrom('mbr', 'gpt', 'extended'), magics, fc.nat(70_000), words, (kind, magic, at, noise) => {
      writeFileSync(file, disk(kind, magic, at, noise));
      try {
        probeDisks([{ index: 0, path: file, sizeBytes: 1024 ** 2 }]);
      } catch (error) {
        expect(error).toBeInstanceOf(TranshipError);
      }
    }),
    runs(200),
  );
});

test('hostile - archives cut, changed and turned about: names or nothing', async () => {
  const file = join(folder, 'initrd');
  const good = cpio([
    { path: 'conf' },
    { path: 'conf/modules', content: Buffer.alloc(3000, 'x') },
    { path: 'a/../../etc', content: Buffer.from('y') },
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(good.length),
      fc.boolean(),
      async (noise, cut, packed) => {
        const archive = Buffer.from(good);
        for (const [at, byte] of noise) archive[at] = byte;
        const whole = archive.subarray(0, cut);
        writeFileSync(file, packed ? gzipSync(whole) : whole);
        const found = await readInitrd(file, signal);
        expect(found === undefined || Array.isArray(found.names)).toBe(true);
      },
    ),
    runs(200),
  );
});

test('hostile - an archive that unpacks to more than any initramfs is given up, in little memory', async () => {
  const file = join(folder, 'bomb');
  const header = cpio([{ path: 'big', content: Buffer.alloc(0) }]).subarray(0, 112);
  header.write('ffffffff', 54);
  const zeros = Buffer.alloc(64 * 1024 ** 2);
  writeFileSync(file, gzipSync(Buffer.concat([header, zeros, zeros]), { level: 1 }));
  const before = process.memoryUsage().rss;
  expect(await readInitrd(file, signal, 32 * 1024 ** 2)).toBeUndefined();
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 ** 2);
});

const bits = [
  '\n',
  ' ',
  '\t',
  '"',
  "'",
  '#',
  '=',
  '{',
  '}',
  '[',
  ']',
  '\\',
  '\0',
  '&a *a',
  '/dev/sda1',
  '../../x',
  '$(id)',
  '`id`',
  'ens192',
  '10.0.0.5/24',
  'match:',
  'network:',
  'ethernets:',
  '[Match]',
  'Driver=x',
  'iface',
  'auto',
  'DEVICE=',
  '🦊',
];
const nonsense = fc
  .array(fc.oneof(fc.constantFrom(...bits), fc.string({ maxLength: 6 })), { maxLength: 40 })
  .map((parts) => parts.join(''));
const paths = [
  '/etc/fstab',
  '/etc/crypttab',
  '/etc/network/interfaces',
  '/etc/netplan/a.yaml',
  '/etc/systemd/network/a.network',
  '/etc/systemd/network/a.link',
  '/etc/NetworkManager/system-connections/a',
  '/etc/sysconfig/network-scripts/ifcfg-a',
  '/etc/sysconfig/network/ifcfg-b',
  '/etc/udev/rules.d/70-persistent-net.rules',
  '/etc/cloud/cloud.cfg.d/a.cfg',
  '/boot/grub/grub.cfg',
  '/boot/grub2/grubenv',
  '/boot/loader/entries/a.conf',
  '/etc/default/grub',
  '/var/lib/dhcp/a.leases',
];

test('hostile - configuration of any text: a plan whose paths stay where they belong', () => {
  const files = fc.dictionary(fc.constantFrom(...paths), nonsense, { minKeys: 1, maxKeys: 6 });
  fc.assert(
    fc.property(files, (given) => {
      const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'], slot: 192 }];
      const { changes, nics: named } = planChanges(tree(given, { nics, kernels: [kernel()] }));
      for (const { path } of changes) expect(path).toMatch(/^\/(etc|boot|usr|lib|var)\/[^\0\n]*$/);
      for (const { path } of changes) expect(path.split('/')).not.toContain('..');
      for (const { name } of named) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,15}$/);
    }),
    runs(700),
  );
});

test('hostile - texts of one kind of sign, long: each parser comes to its end soon', () => {
  // The processor's time, not the clock's: the machine may be busy.
  const began = process.cpuUsage();
  for (const sign of ['#', ' ', '\t', '"', '=', '[', '{', '\\\n', 'a ', 'a=', '*', '&a ', '- ', '.', '::', "'", '\n']) {
    const text = sign.repeat(20_000);
    parseOsRelease(text);
    parseFstab(text);
    renameInFstab(text, new Map());
    renameInCrypttab(text, () => undefined);
    planChanges(
      tree(Object.fromEntries(paths.map((path) => [path, text])), {
        nics: [{ mac: '00:50:56:aa:00:01', addresses: [] }],
      }),
    );
    unifiedDiff(text, `${text}x`);
  }
  expect(process.cpuUsage(began).user / 1e6).toBeLessThan(20);
});

test('hostile - names for debugfs: quoted, or refused where they cannot be', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (name) => {
      try {
        expect(quote(name)).toMatch(/^"(?:[^"]|"")*"$/s);
      } catch (error) {
        expect(error).toBeInstanceOf(TranshipError);
        expect(name).toMatch(/[\n\0]/);
      }
    }),
    runs(300),
  );
});
