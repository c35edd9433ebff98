import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Volume } from '../volumes.ts';
import { Ntfs } from './ntfs.ts';
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
    dirty: false,
    hibernated: true,
    windows: { name: 'Windows Server 2022 Standard', version: '10.0.20348', arch: 'x86_64' },
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

test('windows - files are found without case, by their whole path', () => {
  const ntfs = new Ntfs((offset, length) => image.subarray(offset, offset + length), 0);
  expect(ntfs.open('WINDOWS/system32/Filler-with-a-long-name-60.DLL')?.size).toBe(0);
  expect(ntfs.open('Windows/System32/none.dll')).toBeUndefined();
  expect(ntfs.open('hiberfil.sys')?.size).toBe(4096);
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
      expect(process.cpuUsage(began).user / 1e6).toBeLessThan(5);
    }),
    { numRuns: 300, seed: 20 },
  );
});
