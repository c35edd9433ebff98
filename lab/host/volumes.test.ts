import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { crc32, Root } from '../../libs/blocks/leaves.ts';
import { backingFile, rootOfFile } from './volumes.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-volumes-'));
afterAll(() => rmSync(dir, { recursive: true }));

test('volumes - a backing is a file of its datastore', () => {
  expect(backingFile('[slow ds] web/web-01_1.vmdk')).toMatch(/\/datastores\/slow ds\/web\/web-01_1-flat\.vmdk$/);
  expect(() => backingFile('web-01.vmdk')).toThrow('not a file of a datastore');
});

test('volumes - the root of a file that is shorter than its disk counts zeros', async () => {
  const file = join(dir, 'short.raw');
  const bytes = Buffer.alloc(65_536, 7);
  writeFileSync(file, bytes);
  const root = new Root(3 * 65_536);
  root.add(crc32.sum(bytes));
  root.add(crc32.sum(Buffer.alloc(2 * 65_536)));
  expect(await rootOfFile(file, 3 * 65_536)).toBe(root.hex());
});
