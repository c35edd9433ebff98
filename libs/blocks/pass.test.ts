import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Disk, Ledger, markDiverged, type PassOptions, type PassRequest, prove, type Range, runPass } from './index.ts';
import { leafBytes } from './leaves.ts';
import { Copy } from './testing/copy.ts';
import { MemorySource, mib, patterned } from './testing/source.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'blocks-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const binding = (sizeBytes: number) => ({ vm: 'vm-1', disk: 0, key: 2000, sizeBytes });
const image = () => join(dir, 'disk.img');
const first: PassRequest = { pass: 1, how: 'full', changeId: 'u/1' };
const second: PassRequest = { pass: 2, how: 'delta', changeId: 'u/2' };

/** The ledger written often, small requests. */
const quick = { tuning: { riskBytes: 8 * mib, requestBytes: mib / 2, memoryBytes: 4 * mib } };

type More = Partial<Pick<PassOptions, 'audit' | 'tuning'>>;

async function pass(source: MemorySource, request = first, ranges: Range[] = [], more: More = {}) {
  const sizeBytes = source.size;
  const ledger = await Ledger.open(dir, binding(sizeBytes));
  const sink = await Disk.file(image(), sizeBytes);
  try {
    return await runPass({ source: async () => source, sink, ledger, sizeBytes, request, ranges, ...more });
  } finally {
    await Promise.all([sink.close(), ledger.close()]);
  }
}

async function proof(sizeBytes: number, n = 1) {
  const ledger = await Ledger.open(dir, binding(sizeBytes));
  try {
    const sink = await Disk.existing(image(), sizeBytes);
    return await prove({ sink, ledger, sizeBytes, pass: n }).finally(() => sink.close());
  } finally {
    await ledger.close();
  }
}

const same = (source: MemorySource) => readFileSync(image()).equals(source.bytes);

/** The next moment of a disk: these leaves hold something else. */
function changed(bytes: Buffer, leaves: readonly number[], seed = 9): MemorySource {
  const next = Buffer.from(bytes);
  for (const leaf of leaves)
    next.fill(`${seed}+${leaf}`, leaf * leafBytes, Math.min(next.length, (leaf + 1) * leafBytes));
  return new MemorySource(next);
}
const ranges = (leaves: readonly number[]): Range[] => leaves.map((leaf) => [leaf * leafBytes + 512, 4096]);

describe('full', () => {
  test.each([9 * mib, 9 * mib + 512, 9 * mib + 100, 3])(
    'full - the target equals the source, also of %i bytes',
    async (size) => {
      const source = new MemorySource(patterned(size, 1));
      const { root, readBytes } = await pass(source);
      expect(same(source)).toBe(true);
      expect(readBytes).toBeLessThanOrEqual(source.size);
      expect(await proof(source.size)).toEqual({ root, leaves: Math.ceil(size / leafBytes) });
    },
  );

  test('full - ended anywhere and begun again, it gives the same bytes and the same root', async () => {
    const bytes = patterned(24 * mib, 2);
    const whole = await pass(new MemorySource(bytes));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 }), async (deaths) => {
        for (const name of ['disk-0.ledger', 'disk-0.pass']) rmSync(join(dir, name), { force: true });
        rmSync(image(), { force: true });
        for (const dieAt of deaths) await pass(new MemorySource(bytes, dieAt), first, [], quick).catch(() => {});
        const last = new MemorySource(bytes);
        expect((await pass(last, first, [], quick)).root).toBe(whole.root);
        expect(same(last)).toBe(true);
      }),
      { numRuns: 6 },
    );
  });

  test('full - what the ledger holds is not read again; at most what may be risked is', async () => {
    const bytes = patterned(80 * mib, 3);
    const whole = new MemorySource(bytes);
    await pass(whole);
    rmSync(join(dir, 'disk-0.ledger'));
    rmSync(join(dir, 'disk-0.pass'));
    rmSync(image());
    const one = new MemorySource(bytes, 60);
    await expect(pass(one, first, [], quick)).rejects.toThrow('the source is gone');
    const two = new MemorySource(bytes);
    const { resumedBytes, readBytes } = await pass(two, first, [], quick);
    expect(resumedBytes).toBeGreaterThan(0);
    expect(readBytes).toBe(whole.readBytes);
    expect(two.readBytes).toBeLessThan(whole.readBytes);
    expect(one.readBytes + two.readBytes - whole.readBytes).toBeLessThanOrEqual(quick.tuning.riskBytes);
    expect(same(two)).toBe(true);
  });

  test('full - asked again, what is finished is not read again', async () => {
    const bytes = patterned(9 * mib, 3);
    const { root } = await pass(new MemorySource(bytes));
    const again = new MemorySource(bytes);
    expect(await pass(again)).toMatchObject({ root, resumedBytes: bytes.length });
    expect(again.lengths).toEqual([]);
  });
});

describe('delta', () => {
  test('delta - only what is listed is read, with whole leaves; the proof reads those alone', async () => {
    const bytes = patterned(40 * mib + 512, 1);
    await pass(new MemorySource(bytes));
    await proof(bytes.length);
    const leaves = [3, 4, 100, 640];
    const source = changed(bytes, leaves);
    const done = await pass(source, second, ranges(leaves));
    expect(done).toMatchObject({ how: 'delta', readBytes: 3 * leafBytes + 512, writtenBytes: 3 * leafBytes + 512 });
    expect(same(source)).toBe(true);
    expect(await proof(bytes.length, 2)).toEqual({ root: done.root, leaves: 4 });
    // As a copy of that moment in one pass would have it.
    rmSync(image());
    for (const name of ['ledger', 'pass']) rmSync(join(dir, `disk-0.${name}`));
    expect((await pass(new MemorySource(source.bytes))).root).toBe(done.root);
  });

  test('delta - zeros over data are written', async () => {
    const bytes = patterned(9 * mib, 1);
    await pass(new MemorySource(bytes));
    const next = Buffer.from(bytes).fill(0, 0, 2 * mib);
    await pass(new MemorySource(next), second, [[0, 2 * mib]]);
    expect(readFileSync(image()).equals(next)).toBe(true);
  });

  test('delta - without the proof of the pass before, all is read back', async () => {
    const bytes = patterned(9 * mib, 1);
    await pass(new MemorySource(bytes));
    await pass(changed(bytes, [7]), second, ranges([7]));
    expect((await proof(bytes.length, 2)).leaves).toBe(144);
  });

  test('delta - one begun and given up: the next one writes what that may have written', async () => {
    const bytes = patterned(9 * mib, 1);
    await pass(new MemorySource(bytes));
    const lost = changed(bytes, [5, 6, 90]);
    const dying = new MemorySource(lost.bytes, 1);
    await expect(pass(dying, second, ranges([5, 6, 90]))).rejects.toThrow('the source is gone');
    // At the next moment leaf 5 is again as it was: a list since the first pass need not name it.
    const source = changed(bytes, [90]);
    await pass(source, { ...second, changeId: 'u/3' }, ranges([90]));
    expect(same(source)).toBe(true);
    await proof(bytes.length, 2);
  });

  test('delta - many passes against a model', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 48 }), { maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        async (passes) => {
          for (const name of ['ledger', 'pass']) rmSync(join(dir, `disk-0.${name}`), { force: true });
          rmSync(image(), { force: true });
          let source = new MemorySource(patterned(3 * mib + 700, 4));
          await pass(source);
          for (const [i, leaves] of passes.entries()) {
            source = changed(source.bytes, leaves, i);
            await pass(source, { pass: i + 2, how: 'delta', changeId: `u/${i}` }, ranges(leaves));
            await proof(source.size, i + 2);
            expect(same(source)).toBe(true);
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('compare', () => {
  const compare: PassRequest = { pass: 2, how: 'compare' };

  test('compare - all is read, what differs is written', async () => {
    const bytes = patterned(40 * mib, 1);
    await pass(new MemorySource(bytes));
    await proof(bytes.length);
    const source = changed(bytes, [9, 10, 300]);
    source.bytes.fill(0, 64 * leafBytes, 70 * leafBytes);
    const { writtenBytes, how } = await pass(source, compare);
    expect(how).toBe('compare');
    expect(writtenBytes).toBeLessThanOrEqual(9 * leafBytes);
    expect(same(source)).toBe(true);
    expect((await proof(bytes.length, 2)).leaves).toBe(writtenBytes / leafBytes);
  });

  test.each([
    ['the ledger is lost', () => lose('ledger', 'pass')],
    ['the leaves are lost', () => truncateSync(join(dir, 'disk-0.leaves'), 8)],
    ['another disk’s ledger is there', () => markOther()],
    ['the disk was changed by a conversion', () => markDiverged(dir, 0)],
  ])('compare - where %s the target is read, and only what differs is written', async (_, lose) => {
    const bytes = patterned(40 * mib, 1);
    await pass(new MemorySource(bytes));
    await lose();
    const target = readFileSync(image());
    target.fill(7, 3 * mib, 3 * mib + 100);
    writeFileSync(image(), target);
    const source = changed(bytes, [9]);
    const done = await pass(source, second, ranges([9]));
    expect(done).toMatchObject({ how: 'compare', writtenBytes: 2 * leafBytes });
    expect(same(source)).toBe(true);
    expect((await proof(bytes.length, 2)).leaves).toBe(640);
  });

  test('compare - a lost scratch volume costs a first pass a look at the target, not a copy', async () => {
    const source = new MemorySource(patterned(40 * mib, 1));
    await pass(source);
    lose('ledger', 'leaves', 'pass');
    expect(await pass(source)).toMatchObject({ how: 'compare', writtenBytes: 0 });
    expect(same(source)).toBe(true);
  });

  const lose = (...kinds: string[]) => {
    for (const kind of kinds) rmSync(join(dir, `disk-0.${kind}`));
  };

  function markOther() {
    lose('pass');
    const file = join(dir, 'disk-0.ledger');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"key":2000', '"key":2001'));
  }
});

describe('trust', () => {
  test('fence - a worker that was taken over stops at its next entry', async () => {
    const first = { pass: 1, how: 'full' } as const;
    const old = await Ledger.open(dir, binding(mib));
    await old.begin(first);
    await old.log.append({ ...old.log.state, doneBytes: 65_536 }, []);
    const taken = await Ledger.open(dir, binding(mib));
    await taken.begin(first);
    expect(taken.log.state).toMatchObject({ doneBytes: 65_536, epoch: old.log.state.epoch + 1 });
    const late = old.log.append({ ...old.log.state, doneBytes: 131_072 }, []);
    await expect(late).rejects.toMatchObject({ code: 'transfer.ledger', retry: false });
    await taken.begin({ ...first, changeId: 'u/2' });
    await taken.log.append(taken.log.state, []);
    await Promise.all([old.close(), taken.close()]);
  });

  test('diverged - a mending that is cut off does not leave the old ledger to be believed', async () => {
    const bytes = patterned(40 * mib, 1);
    await pass(new MemorySource(bytes));
    await markDiverged(dir, 0);
    const target = readFileSync(image());
    for (const leaf of [3, 600]) target.fill(7, leaf * leafBytes, leaf * leafBytes + 100);
    writeFileSync(image(), target);
    await expect(pass(new MemorySource(bytes, 20), first, [], quick)).rejects.toThrow('the source is gone');
    const source = new MemorySource(bytes);
    expect(await pass(source, first, [], quick)).toMatchObject({ how: 'compare' });
    expect(same(source)).toBe(true);
  });

  test('target - one that was lost is copied again, whatever the ledger says', async () => {
    const source = new MemorySource(patterned(9 * mib, 1));
    const { writtenBytes } = await pass(source);
    rmSync(image());
    expect(await pass(source)).toMatchObject({ how: 'full', writtenBytes });
    rmSync(image());
    expect(await pass(source, second)).toMatchObject({ how: 'compare', writtenBytes });
    expect(same(source)).toBe(true);
  });

  test.each([-512, 512])(
    'source - one %i bytes larger than the plan says is refused, and nothing is copied',
    async (more) => {
      const source = new MemorySource(patterned(9 * mib + more, 1));
      const copying = new Copy(dir, 9 * mib).pass(source, first);
      const detail = `the source has ${9 * mib + more} bytes, the plan says ${9 * mib}`;
      await expect(copying).rejects.toMatchObject({ code: 'transfer.open', retry: false, detail });
      expect(source.lengths).toEqual([]);
      expect(readFileSync(image()).equals(Buffer.alloc(9 * mib))).toBe(true);
    },
  );

  test('audit - a source that calls changed leaves unchanged is compared with, and nothing is lost', async () => {
    const bytes = patterned(40 * mib, 1);
    await pass(new MemorySource(bytes));
    const source = changed(bytes, [9, 200, 300]);
    const done = await pass(source, second, ranges([9]), { audit: 1 });
    expect(done).toMatchObject({ how: 'compare', auditedLeaves: 639, liedLeaves: 2 });
    expect(same(source)).toBe(true);
  });

  test('audit - an honest source costs the sample and no more', async () => {
    const bytes = patterned(40 * mib, 1);
    await pass(new MemorySource(bytes));
    const done = await pass(changed(bytes, [9]), second, ranges([9]), { audit: 0.01 });
    expect(done).toMatchObject({ how: 'delta', auditedLeaves: 500, liedLeaves: 0, readBytes: 501 * leafBytes });
  });

  test('resume - a target that was changed meanwhile is not believed', async () => {
    const bytes = patterned(80 * mib, 3);
    await expect(pass(new MemorySource(bytes, 60), first, [], quick)).rejects.toThrow('the source is gone');
    const target = readFileSync(image());
    for (let at = 0; at < target.length; at += leafBytes) target[at] = 0x55;
    writeFileSync(image(), target);
    const source = new MemorySource(bytes);
    expect(await pass(source)).toMatchObject({ how: 'compare' });
    expect(same(source)).toBe(true);
  });

  test('proof - one changed byte is found, with its leaf; what failed is mended by the next copy', async () => {
    const source = new MemorySource(patterned(9 * mib, 5));
    await pass(source);
    const bytes = readFileSync(image());
    bytes[5 * mib + 70_000]! ^= 1;
    writeFileSync(image(), bytes);
    const detail = expect.stringContaining(`differs at ${5 * mib + 65_536}`);
    await expect(proof(source.size)).rejects.toMatchObject({ code: 'transfer.proof', detail });
    await expect(proof(source.size)).rejects.toMatchObject({ code: 'transfer.ledger' });
    expect(await pass(source)).toMatchObject({ how: 'compare', writtenBytes: leafBytes });
    await proof(source.size);
  });

  test('proof - there is none of a disk a sector short', async () => {
    const source = new MemorySource(patterned(2 * mib, 5));
    await pass(source);
    truncateSync(image(), source.size - 512);
    await expect(proof(source.size)).rejects.toMatchObject({ code: 'transfer.proof' });
  });
});
