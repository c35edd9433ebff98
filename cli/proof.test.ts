import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, Root, summingOf } from '@tranship/blocks';
import { canonical, type Proof, signedText } from '@tranship/contracts';
import { afterAll, expect, test } from 'vitest';
import { checkChain, checkDisk, checkGrade, checkSignature } from './proof.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-proof-'));
afterAll(() => rmSync(dir, { recursive: true }));

const bytes = Buffer.alloc(5 * 1024 * 1024 + 512, 'some bytes of a disk; ');
const root = new Root(bytes.length);
root.add(crc32.sum(bytes));
const copied = root.hex();
const pass = (n: number, more: object = {}) => ({
  ...{ pass: n, at: '2026-01-01T00:00:00Z', snapshot: n === 2 ? null : 'snapshot-1' },
  disks: [
    {
      ...{
        index: 0,
        how: 'delta' as const,
        changeId: null,
        readBytes: 1,
        writtenBytes: 1,
        auditedLeaves: 0,
        liedLeaves: 0,
      },
      ...{ provenLeaves: 1, root: n === 2 ? copied : 'before' },
      ...more,
    },
  ],
});
const proof: Proof = {
  ...{ version: 1, migration: 'shop-1', plan: 'shop', at: '2026-01-01T00:00:00Z', grade: 'standard' },
  ...{ source: { provider: 'vc1', id: 'vm-1', name: 'web' }, target: { namespace: 'apps', name: 'web' } },
  disks: [{ index: 0, file: '[ds] web/web.vmdk', sizeBytes: bytes.length, copied }],
  passes: [pass(1), pass(2)],
};
const { privateKey, publicKey: pair } = generateKeyPairSync('ed25519');
const publicKey = pair.export({ type: 'spki', format: 'der' }).toString('base64');
const signature = sign(
  null,
  Buffer.from(signedText(createHash('sha256').update(canonical(proof)).digest('hex'))),
  privateKey,
).toString('base64');
const oks = (found: { ok: boolean }[]) => found.map(({ ok }) => ok);

test('proof - the signature holds however the file is laid out, and breaks with any word of it', () => {
  const shuffled = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(proof).reverse()))) as Proof;
  expect(oks(checkSignature({ proof: shuffled, publicKey, signature }, publicKey))).toEqual([true, true]);
  expect(oks(checkSignature({ proof: { ...proof, plan: 'shops' }, publicKey, signature }, undefined))).toEqual([false]);
  const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  expect(oks(checkSignature({ proof, publicKey, signature }, other))).toEqual([true, false]);
});

test('proof - a pass that is missing, not read back, or of another root breaks the chain', () => {
  const chain = (passes: Proof['passes']) => checkChain({ ...proof, passes })[0]!;
  expect(chain(proof.passes).ok).toBe(true);
  expect(chain([pass(2)])).toMatchObject({ ok: false, detail: 'pass 2 does not follow' });
  expect(chain([pass(1, { provenLeaves: 0 }), pass(2)])).toMatchObject({ detail: 'pass 1 was not read back' });
  expect(chain([pass(1), pass(2, { root: 'x' })])).toMatchObject({ detail: 'its last pass has another root' });
});

test('proof - a disk with the proven bytes is told from one with a bit flipped, a sector short, or another’s', async () => {
  const image = join(dir, 'disk.img');
  writeFileSync(image, bytes);
  expect(await checkDisk(proof, 0, image)).toMatchObject({ ok: true });
  expect(await checkDisk(proof, 1, image)).toMatchObject({ ok: false, detail: 'the proof has no such disk' });
  writeFileSync(image, Buffer.from(bytes).fill(0, 70_000, 70_001));
  expect(await checkDisk(proof, 0, image)).toMatchObject({ ok: false, detail: expect.stringContaining('other bytes') });
  writeFileSync(image, bytes);
  truncateSync(image, bytes.length - 512);
  expect(await checkDisk(proof, 0, image)).toMatchObject({ ok: false, detail: expect.stringContaining('ends before') });
});

test('proof - a disk is told apart as copied and as converted', async () => {
  const image = join(dir, 'converted.img');
  const after = Buffer.from(bytes).fill('other', 70_000, 90_000);
  const now = new Root(after.length);
  now.add(crc32.sum(after));
  const both = { ...proof, disks: proof.disks.map((disk) => ({ ...disk, converted: now.hex() })) };
  writeFileSync(image, after);
  expect(await checkDisk(proof, 0, image)).toMatchObject({ ok: false });
  expect(await checkDisk(both, 0, image)).toMatchObject({ ok: true, detail: expect.stringContaining('as converted') });
  writeFileSync(image, bytes);
  expect(await checkDisk(both, 0, image)).toMatchObject({ ok: true, detail: expect.stringContaining('as copied') });
  // It ran since.
  writeFileSync(image, Buffer.from(after).fill(1, 0, 1));
  expect(await checkDisk(both, 0, image)).toMatchObject({ ok: false });
});

test('proof - of grade sha256 the disk is checked by SHA-256; a full one whose source was not read twice is none', async () => {
  const sha = summingOf('sha256');
  const own = new Root(bytes.length, sha);
  own.add(sha.sum(bytes));
  const image = join(dir, 'sha.img');
  writeFileSync(image, bytes);
  const strong = {
    ...proof,
    grade: 'sha256' as const,
    disks: proof.disks.map((disk) => ({ ...disk, copied: own.hex() })),
  };
  expect(await checkDisk(strong, 0, image)).toMatchObject({ ok: true });
  expect(await checkDisk({ ...strong, grade: 'standard' }, 0, image)).toMatchObject({ ok: false });
  expect(checkGrade(strong)).toMatchObject({ ok: true });
  expect(checkGrade({ ...strong, grade: 'full' })).toMatchObject({ ok: false });
  const twice = strong.disks.map((disk) => ({ ...disk, auditedShare: 1 }));
  expect(checkGrade({ ...strong, grade: 'full', disks: twice })).toMatchObject({ ok: true });
});
