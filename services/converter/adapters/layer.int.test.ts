import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal } from './journal.ts';
import { commitLayer, createLayer, differences } from './layer.ts';
import { marks } from './marks.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-layer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const size = 3 * 1024 ** 2 + 512;
const writes = fc.array(
  fc.record({ at: fc.nat(size / 512 - 200), sectors: fc.integer({ min: 1, max: 200 }), byte: fc.nat(255) }),
  { maxLength: 6 },
);
type Writes = readonly { readonly at: number; readonly sectors: number; readonly byte: number }[];

/** A disk, and a layer over it that was written to. */
async function layered(written: Writes) {
  const path = join(folder, 'disk');
  const before = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 12)) & 0xff));
  writeFileSync(path, before);
  const layer = { file: join(folder, 'layer.qcow2'), path, offset: 0 };
  await createLayer(layer, undefined, signal);
  const commands = written.map(({ at, sectors, byte }) => `write -q -P ${byte} ${at * 512} ${sectors * 512}\n`);
  execFileSync('qemu-io', ['-f', 'qcow2', layer.file], { input: commands.join(''), timeout: 30_000 });
  const after = Buffer.from(before);
  for (const { at, sectors, byte } of written) after.fill(byte, at * 512, (at + sectors) * 512);
  const scratch = mkdtempSync(join(folder, 'scratch-'));
  const journalOf = () => new Journal(scratch, marks(scratch));
  return { layer, before, after, changed: await differences(layer, signal), journalOf };
}

test('layer - committed, the disk is what was written over it, and the journal knows where', async () => {
  const written = [
    { at: 3, sectors: 2, byte: 1 },
    { at: 4000, sectors: 200, byte: 0 },
  ];
  const { layer, before, after, changed, journalOf } = await layered(written);
  const journal = journalOf();
  journal.begin([0]);
  commitLayer(layer, changed, journal.log(0, layer.path));
  expect(readFileSync(layer.path).equals(after)).toBe(true);
  for (const { at, sectors } of written)
    expect(
      journal
        .changed()[0]!
        .ranges.some(([offset, length]) => offset <= at * 512 && offset + length >= (at + sectors) * 512),
    ).toBe(true);
  expect(await differences(layer, signal)).toEqual([]);
  journal.rollBack();
  expect(readFileSync(layer.path).equals(before)).toBe(true);
});

test('layer - whatever reached the disk when the power went, the next boot puts it back to its last byte', async () => {
  const cut = fc.record({ reached: fc.infiniteStream(fc.boolean()), torn: fc.nat(200_000) });
  await fc.assert(
    fc.asyncProperty(writes, cut, async (written, { reached, torn }) => {
      const { layer, before, changed, journalOf } = await layered(written);
      const journal = journalOf();
      journal.begin([0]);
      commitLayer(layer, changed, journal.log(0, layer.path));
      // Some stretches never arrived, some in part.
      const disk = openSync(layer.path, 'r+');
      for (const { at: start, length } of changed) {
        const from = start + (reached.next().value ? Math.min(torn, length) : 0);
        writeSync(disk, before, from, start + length - from, from);
      }
      closeSync(disk);
      journalOf().rollBack();
      expect(readFileSync(layer.path).equals(before)).toBe(true);
    }),
    { numRuns: 10, seed: 7 },
  );
}, 240_000);
