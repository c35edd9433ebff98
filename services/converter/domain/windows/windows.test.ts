import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Volume } from '../volumes.ts';
import { Hive } from './hive.ts';
import { Ntfs } from './ntfs.ts';
import { logIsClean } from './ntfs-log.ts';
import { ntfsState } from './windows.ts';

/** 4 MiB made by mkntfs, filled through ntfs-3g: a SOFTWARE hive written by hivex, a folder of many names, hiberfil.sys. Its table of capital letters is blank. */
const fixture = new URL('../../testing/fixtures/ntfs-windows.gz.b64', import.meta.url);
const image = gunzipSync(Buffer.from(readFileSync(fixture, 'utf8'), 'base64'));
const volume: Volume = { disk: 0, offset: 0, length: image.length };
const state = (disk: Buffer) =>
  ntfsState(volume, (offset, length) =>
    Number.isSafeInteger(offset) && offset >= 0 ? disk.subarray(offset, offset + length) : Buffer.alloc(0),
  );

test('windows - name, version and architecture by the registry; asleep or not', () => {
  expect(state(image)).toEqual({
    place: 'disk 0',
    volume,
    dirty: false,
    hibernated: true,
    freeBytes: expect.any(Number),
    windows: {
      ...{ name: 'Windows Server 2022 Standard', version: '10.0.20348', arch: 'x86_64' },
      ...{ build: 20_348, server: true },
    },
  });
  const awake = Buffer.from(image);
  awake.fill(0, image.indexOf('HIBR'), image.indexOf('HIBR') + 4);
  expect(state(awake).hibernated).toBe(false);
});

test('windows - a volume that asks to be checked is dirty', () => {
  const marked = Buffer.from(image);
  // The volume's record is the fourth; its information says the version, 3.1, before the flags.
  const record = Number(image.readBigUInt64LE(48)) * 4096 + 3 * 1024;
  const at = image.indexOf(Buffer.from([3, 1, 0, 0]), record);
  expect(at - record).toBeLessThan(1024);
  marked[at + 2] = 1;
  expect(state(marked).dirty).toBe(true);
});

test('windows - what lies behind the last byte that was ever written to a file is none of its content', () => {
  const fresh = Buffer.from(image);
  const name = Buffer.from('hiberfil.sys', 'utf16le');
  const record = image.lastIndexOf('FILE', image.indexOf(name, Number(image.readBigUInt64LE(48)) * 4096));
  let at = record + image.readUInt16LE(record + 20);
  while (image.readUInt32LE(at) !== 0x80) at += image.readUInt32LE(at + 4);
  expect(image.readBigUInt64LE(at + 56)).toBe(4096n);
  fresh.writeBigUInt64LE(2n, at + 56);
  expect(state(fresh).hibernated).toBe(false);
  const ntfs = new Ntfs((offset, length) => fresh.subarray(offset, offset + length), 0);
  expect(ntfs.open('hiberfil.sys')!.read(0, 6)).toEqual(Buffer.from('HI\0\0\0\0'));
});

test('windows - one that woke up since is awake', () => {
  const awake = Buffer.from(image);
  awake.write('wake', image.indexOf('HIBR'));
  expect(state(awake).hibernated).toBe(false);
});

test('windows - a log whose records are not in their place is dirty, one that was closed is not', () => {
  const page = (at: number, lsn: number, client: number, flags: number) => {
    const bytes = Buffer.alloc(4096);
    bytes.write('RSTR');
    bytes.writeUInt16LE(30, 4);
    bytes.writeUInt16LE(9, 6);
    bytes.writeUInt32LE(4096, 16);
    bytes.writeUInt16LE(64, 24);
    bytes.writeBigUInt64LE(BigInt(lsn), 64);
    bytes.writeUInt16LE(client, 64 + 12);
    bytes.writeUInt16LE(flags, 64 + 14);
    return { at, bytes };
  };
  const clean = (...pages: ReturnType<typeof page>[]) => {
    const log = Buffer.alloc(65536);
    for (const { at, bytes } of pages) bytes.copy(log, at);
    return logIsClean((offset, length) => log.subarray(offset, offset + length), log.length);
  };
  expect(clean(page(0, 5, 0, 0), page(4096, 4, 0xffff, 0))).toBe(false);
  expect(clean(page(0, 4, 0, 0), page(4096, 5, 0xffff, 0))).toBe(true);
  expect(clean(page(0, 5, 0, 2))).toBe(true);
  expect(clean()).toBe(false);
});

test('windows - files are found without case, by their whole path', () => {
  const ntfs = new Ntfs((offset, length) => image.subarray(offset, offset + length), 0);
  expect(ntfs.open('WINDOWS/system32/Filler-with-a-long-name-60.DLL')?.size).toBe(0);
  expect(ntfs.open('Windows/System32/none.dll')).toBeUndefined();
  expect(ntfs.open('hiberfil.sys')?.size).toBe(4096);
  const names = ntfs.list('windows/SYSTEM32')!.map(({ name }) => name);
  expect(names).toContain('config');
  expect(names.filter((name) => /^filler/i.test(name)).length).toBeGreaterThan(50);
  expect(ntfs.list('windows/none')).toBeUndefined();
});

test('windows - volumes and hives with anything in them: an answer, soon', () => {
  // Words are put where records, indexes and the hive lie.
  const places = [0, image.indexOf('FILE'), image.indexOf('INDX'), image.indexOf('regf'), image.indexOf('hbin')];
  const noise = fc.array(fc.tuple(fc.constantFrom(...places), fc.nat(4095), fc.nat(255)), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(noise, (changes) => {
      const broken = Buffer.from(image);
      for (const [place, at, byte] of changes) broken[place + at] = byte;
      const began = process.cpuUsage();
      expect(typeof state(broken).dirty).toBe('boolean');
      const ntfs = new Ntfs((offset, length) => broken.subarray(offset, offset + length), 0);
      ntfs.list('Windows/System32');
      const hive = new Hive(ntfs.open('Windows/System32/config/SOFTWARE')?.read ?? (() => Buffer.alloc(0)));
      for (const name of hive.values('Microsoft\\Windows NT\\CurrentVersion'))
        hive.value('Microsoft\\Windows NT\\CurrentVersion', name);
      hive.keys('Microsoft');
      expect(process.cpuUsage(began).user / 1e6).toBeLessThan(5);
    }),
    { numRuns: 300, seed: 20 },
  );
});
