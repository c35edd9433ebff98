import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PassDisk, type StepInput, stepExamples, TranshipError } from '@tranship/contracts';
import { createLogger, type StepContext } from '@tranship/service-kit';
import { afterEach, expect, test } from 'vitest';
import { MemorySource, mib, patterned } from '../../../libs/blocks/testing/source.ts';
import { volumes } from '../adapters/volumes.ts';
import type { Ports } from '../ports.ts';
import { copy } from './copy.ts';

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

const sizeBytes = 48 * mib;

/** A source that goes away after so many reads each time that it is opened. */
function world(readsEach: number) {
  const dir = mkdtempSync(join(tmpdir(), 'tranship-copy-'));
  dirs.push(dir);
  const [disksDir, devicesDir, scratchDir] = [join(dir, 'disks'), join(dir, 'devices'), join(dir, 'scratch')];
  for (const each of [join(disksDir, '0'), devicesDir, scratchDir]) mkdirSync(each, { recursive: true });
  const source = new MemorySource(patterned(sizeBytes, 1));
  const seen = { opened: 0, target: () => readFileSync(join(disksDir, '0', 'disk.img')), bytes: source.bytes };
  const ports = {
    volumes: volumes({ disksDir, devicesDir, scratchDir } as never),
    limit: async () => null,
    openSource: async () => {
      seen.opened++;
      let left = readsEach;
      return {
        ...{ size: sizeBytes, via: { method: 'vddk', why: 'test' } as const, close: async () => {} },
        extents: (offset: number, length: number) => source.extents(offset, length),
        read: async (offset: number, target: Buffer) => {
          if (left-- <= 0) throw new TranshipError('transfer.read', 'the host went away');
          await source.read(offset, target);
        },
      };
    },
  } as unknown as Ports;
  return { ports, seen };
}

const example = stepExamples.copy.input;
const { areas: _, kept: __, ...disk } = example.disks[0]! as PassDisk;
const input = {
  ...example,
  disks: [{ ...disk, index: 0, sizeBytes, how: 'full', volumeMode: 'Filesystem' }],
};
const context = {
  ...{ signal: new AbortController().signal, log: createLogger('test', 'silent'), begun: false },
  // No pause is waited for, and whoever sleeps lets others go on.
  clock: { now: () => 0, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) },
  ...{ progress: () => {}, moved: () => {} },
} as unknown as StepContext;
const done = (ports: Ports) => copy(ports, input as unknown as StepInput<'copy'>, context);

test('copy - a source that goes away over and over is opened as often, as long as the copy comes further between', async () => {
  const { ports, seen } = world(4);
  const { disks } = await done(ports);
  expect(seen.opened).toBeGreaterThan(8);
  expect(disks).toMatchObject([{ index: 0, how: 'full' }]);
  expect(seen.target().equals(seen.bytes)).toBe(true);
});

test('copy - a source that gives nothing is opened four times', async () => {
  const { ports, seen } = world(0);
  await expect(done(ports)).rejects.toMatchObject({ code: 'transfer.read' });
  expect(seen.opened).toBe(4);
});
