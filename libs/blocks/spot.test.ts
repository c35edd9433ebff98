import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PassRequest, runPass } from './index.ts';
import { leafBytes } from './leaves.ts';
import { Copy } from './testing/copy.ts';
import { MemorySource, mib, patterned } from './testing/source.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spot-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bytes = patterned(40 * mib, 3);
const first: PassRequest = { pass: 1, how: 'full', changeId: 'u/1' };
const second: PassRequest = { pass: 2, how: 'delta', changeId: 'u/2' };
const quick = { riskBytes: 8 * mib, requestBytes: mib / 2, memoryBytes: 4 * mib };

/** The leaves of the target that a pass reads; the source is not opened before it is told. */
async function looked(copy: Copy, request: PassRequest): Promise<{ leaves: number[]; opened?: number }> {
  const seen: { leaves: number[]; opened?: number } = { leaves: [] };
  await copy.with(async (ledger, sink) => {
    const read = sink.read.bind(sink);
    sink.read = (offset, target) => {
      expect(target.length).toBe(leafBytes);
      seen.leaves.push(offset / leafBytes);
      return read(offset, target);
    };
    const source = async () => {
      seen.opened = seen.leaves.length;
      return new MemorySource(bytes);
    };
    await runPass({ source, sink, ledger, sizeBytes: bytes.length, request, ranges: [] });
  });
  return seen;
}
const finished = (copy: Copy) => copy.pass(new MemorySource(bytes), first);

test.each([
  ['goes on from its log', first, (copy: Copy) => died(copy), 64],
  ['begins from the pass before', second, finished, 64],
  ['is finished', first, finished, undefined],
])('spot - where a pass %s, 64 leaves of the target are compared before its ledger is believed', async (...row) => {
  const [, request, before, opened] = row;
  const copy = new Copy(dir, bytes.length);
  await before(copy);
  const seen = await looked(copy, request);
  expect(new Set(seen.leaves).size).toBe(64);
  expect(seen).toMatchObject({ leaves: { length: 64 }, ...(opened && { opened }) });
  expect(seen.opened).toBe(opened);
});

async function died(copy: Copy) {
  const pass = copy.pass(new MemorySource(bytes, 40), first, { tuning: quick });
  await expect(pass).rejects.toThrow('the source is gone');
}
