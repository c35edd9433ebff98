import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

const bin = mkdtempSync(join(tmpdir(), 'tranship-bin-'));
vi.stubEnv('TRANSHIP_LAB_BIN', bin);
const { labPrograms } = await import('./go.ts');
const { kubevirtKey, kubevirtPrograms } = await import('./kubevirt.ts');
const { probeMachine } = await import('../host/probe.ts');
afterAll(() => rmSync(bin, { recursive: true }));

test('ready programs - a folder that lacks one is told, with the one that it lacks', async () => {
  writeFileSync(join(bin, 'lab'), '');
  await expect(labPrograms()).rejects.toThrow(`TRANSHIP_LAB_BIN=${bin} holds no program "multus"`);
});

test('ready programs - nothing is built where they are; images are made again when they are others', async () => {
  for (const name of ['multus', 'virt-launcher']) writeFileSync(join(bin, name), '');
  expect([await labPrograms(), await kubevirtPrograms()]).toEqual([bin, bin]);
  expect(probeMachine().built).toBe(true);
  const key = await kubevirtKey();
  writeFileSync(join(bin, 'virt-handler'), '');
  expect(await kubevirtKey()).not.toBe(key);
});
