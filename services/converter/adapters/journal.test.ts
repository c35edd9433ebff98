import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal } from './journal.ts';
import { marks } from './marks.ts';
import { rewrite } from './undo.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [size, sector] = [64 * 1024, 512];
const start = 4096;
const stretches = fc.array(
  fc.record({ at: fc.nat(100).map((at) => at * sector), length: fc.integer({ min: 1, max: 20 * sector }) }),
  { minLength: 1, maxLength: 5 },
);

/** A disk of which stretches were written anew, each log of its own. */
function rewritten(logs: readonly (readonly { readonly at: number; readonly length: number }[])[]) {
  const path = join(folder, 'disk');
  const before = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
  writeFileSync(path, before);
  const scratch = mkdtempSync(join(folder, 'scratch-'));
  const journalOf = () => new Journal(scratch, marks(scratch));
  const journal = journalOf();
  journal.begin([0]);
  const files = logs.map((own, i) => {
    const log = journal.log(0, path);
    rewrite(log, { disk: path, start }, own, ({ length }) => Buffer.alloc(length, 200 + i));
    return log;
  });
  return { path, before, after: readFileSync(path), files, journalOf, isDiverged: () => marks(scratch).isDiverged(0) };
}

test('power cut - whatever of the writes reached the disk, the next boot puts it back to its last byte', () => {
  fc.assert(
    fc.property(
      fc.array(stretches, { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.boolean()),
      (logs, reached) => {
        const { path, before, after, journalOf, isDiverged } = rewritten(logs);
        const now = Buffer.from(after);
        for (let at = 0; at < size; at += sector) if (!reached.next().value) before.copy(now, at, at, at + sector);
        writeFileSync(path, now);
        journalOf().rollBack();
        expect(readFileSync(path).equals(before)).toBe(true);
        expect(isDiverged()).toBe(false);
      },
    ),
    { numRuns: 15, seed: 7 },
  );
});

test('power cut - while a log was written nothing of the disk was: any part of it is passed over', () => {
  fc.assert(
    fc.property(stretches, fc.double({ min: 0, max: 1, noNaN: true }), (own, share) => {
      const { path, before, files, journalOf } = rewritten([own]);
      const [file] = files as [string];
      renameSync(file, `${file}.new`);
      truncateSync(`${file}.new`, Math.floor(statSync(`${file}.new`).size * share));
      writeFileSync(path, before);
      journalOf().rollBack();
      expect(readFileSync(path).equals(before)).toBe(true);
    }),
    { numRuns: 8, seed: 7 },
  );
});

test('journal - a log that lost anything of itself is refused as torn, and nothing is written by it', () => {
  const damage = fc.oneof(
    fc.nat().map((at) => (log: Buffer) => Buffer.from(log.map((byte, i) => (i === at % log.length ? byte ^ 4 : byte)))),
    fc.nat().map((to) => (log: Buffer) => log.subarray(0, to % log.length)),
  );
  fc.assert(
    fc.property(stretches, damage, (own, damaged) => {
      const { path, after, files, journalOf, isDiverged } = rewritten([own]);
      const [file] = files as [string];
      const log = readFileSync(file);
      writeFileSync(file, damaged(log));
      expect(() => journalOf().rollBack()).toThrow(expect.objectContaining({ code: 'guest.torn' }));
      expect(readFileSync(path).equals(after)).toBe(true);
      expect(isDiverged()).toBe(true);
    }),
    { numRuns: 25, seed: 7 },
  );
});
