import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { block, removeBytes } from './bytes.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-bytes-'));
const mib = 1024 ** 2;
const losetup = (...args: string[]) => execFileSync('losetup', args, { encoding: 'utf8' }).trim();
const fileBehind = (device: string) => losetup('--noheadings', '--output', 'BACK-FILE', device);
afterAll(async () => {
  for (const name of ['one', 'two']) await removeBytes(dir, name);
  rmSync(dir, { recursive: true });
});

test('volume bytes - one that is asked for again has the same device', async () => {
  const device = await block(dir, 'one', mib);
  expect(await block(dir, 'one', mib)).toBe(device);
});

test('volume bytes - removed again, where the number is another volume’s by now: that one stays', async () => {
  const device = await block(dir, 'one', mib);
  losetup('--detach', device); // as a round did that failed afterwards
  const two = await block(dir, 'two', mib);
  for (let round = 0; round < 2; round++) await removeBytes(dir, 'one');
  expect(readdirSync(dir)).toEqual(['two.raw']);
  expect(fileBehind(two)).toBe(join(dir, 'two.raw'));
  await removeBytes(dir, 'two');
  expect(losetup('--list', '--noheadings', '--output', 'BACK-FILE')).not.toContain(dir);
});
