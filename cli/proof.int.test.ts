import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, Root } from '@tranship/blocks';
import { canonical, type Proof, queryExamples, signedText } from '@tranship/contracts';
import { afterAll, expect, test } from 'vitest';
import { tranship } from './testing/stack.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-verify-'));
afterAll(() => rmSync(dir, { recursive: true }));

const rootOf = (bytes: Buffer) => {
  const root = new Root(bytes.length);
  root.add(crc32.sum(bytes));
  return root.hex();
};
const written = (name: string, content: string | Buffer) => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const before = Buffer.alloc(3 * 65_536 + 512, 'as the source has it; ');
const after = Buffer.from(before).fill('converted', 65_536, 66_000);
const images = { source: written('source.img', before), target: written('target.img', after) };
const example = queryExamples.proof.result.proof;
const proof: Proof = {
  ...example,
  disks: [{ ...example.disks[0]!, sizeBytes: before.length, copied: rootOf(before), converted: rootOf(after) }],
  passes: example.passes.map((pass) => ({
    ...pass,
    disks: pass.disks.map((disk) => ({ ...disk, root: rootOf(before) })),
  })),
};
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const base64 = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('base64');
const signedAs = (content: object, key = privateKey) => ({
  ...{ proof: content, publicKey: base64(publicKey) },
  signature: sign(
    null,
    Buffer.from(signedText(createHash('sha256').update(canonical(content)).digest('hex'))),
    key,
  ).toString('base64'),
});
const signed = signedAs(proof);
const file = written('proof.json', JSON.stringify(signed, null, 2));
/** With nothing else at hand: no server, no token. */
const verify = (...args: string[]) => tranship(['proof', 'verify', ...args]);

test('proof verify - alone it tells signature, grade and chain; with disks, which bytes each has', async () => {
  const alone = await verify(file);
  expect([alone.code, alone.err]).toEqual([0, '']);
  expect(alone.out).toMatch(/ok +signature .*\nok +grade standard .*\nok +disk 0 chain/);
  const disks = await verify(file, '--key', signed.publicKey, '--disk', images.source, '--disk', `0=${images.target}`);
  expect([disks.code, disks.out]).toEqual([0, expect.stringMatching(/as copied.*\n.*as converted/)]);
});

test('proof verify - ends with 1 for a word that was changed, another key or other bytes, and says which', async () => {
  const forged = written('forged.json', JSON.stringify({ ...signed, proof: { ...proof, plan: 'another' } }));
  const other = base64(generateKeyPairSync('ed25519').publicKey);
  const flipped = written('flipped.img', Buffer.from(after).fill(7, 9, 10));
  const said = async (...args: string[]) => {
    const { code, out } = await verify(...args);
    return [code, out.split('\n').filter((line) => line.startsWith('NOT OK')).length, out];
  };
  expect(await said(forged)).toEqual([1, 1, expect.stringMatching(/NOT OK +signature/)]);
  expect(await said(file, '--key', other)).toEqual([1, 1, expect.stringMatching(/NOT OK +key/)]);
  expect(await said(file, '--disk', flipped)).toEqual([1, 1, expect.stringMatching(/NOT OK +disk 0 .*other bytes/)]);
  expect(await said(file, '--disk', `3=${images.source}`)).toEqual([1, 1, expect.stringContaining('no such disk')]);
  const machine = await verify(file, '--disk', flipped, '-o', 'json');
  expect([machine.code, JSON.parse(machine.out).filter(({ ok }: { ok: boolean }) => !ok)]).toEqual([
    1,
    [{ what: 'disk 0', ok: false, detail: expect.stringContaining('other bytes') }],
  ]);
});

test('proof verify - a word that nobody signed is none of it, wherever it stands; one that a later version signed is', async () => {
  const outcome = async (document: object) => {
    const { code, out } = await verify(written('more.json', JSON.stringify(document)));
    return [code, /^(NOT OK|ok) +signature/m.exec(out)?.[1]];
  };
  expect(await outcome({ ...signed, proof: { ...proof, note: 'by hand' } })).toEqual([1, 'NOT OK']);
  const nested = { ...proof, source: { ...proof.source, os: 'by hand' } };
  expect(await outcome({ ...signed, proof: nested })).toEqual([1, 'NOT OK']);
  expect(await outcome(signedAs(nested))).toEqual([0, 'ok']);
});

test('proof verify - what proves nothing is no proof, though it is signed: no disk, counts below zero, another kind of key', async () => {
  const said = async (document: object) => verify(written('odd.json', JSON.stringify(document)));
  expect(await said(signedAs({ ...proof, disks: [], passes: [] }))).toMatchObject({
    ...{ code: 1, out: expect.stringMatching(/NOT OK +chain +it proves no disk/) },
  });
  const below = proof.passes.map((pass) => ({
    ...pass,
    disks: pass.disks.map((disk) => ({ ...disk, provenLeaves: -1 })),
  }));
  expect(await said(signedAs({ ...proof, passes: below }))).toMatchObject({ code: 2 });
  for (const other of ['bm8ga2V5', '', base64(generateKeyPairSync('x25519').publicKey)])
    expect(await said({ ...signed, publicKey: other })).toMatchObject({
      ...{ code: 1, err: '', out: expect.stringMatching(/NOT OK +signature +its publicKey is no ed25519 key/) },
    });
});

test('proof verify - an image is of the proven length, and a file that ends', async () => {
  const longer = written('longer.img', Buffer.concat([after, Buffer.from('behind')]));
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const cases = { [longer]: 'goes on for 6 bytes', [pipe]: 'neither a raw image', [dir]: 'neither a raw image' };
  for (const [image, why] of Object.entries(cases))
    expect(await verify(file, '--disk', image)).toMatchObject({ code: 1, out: expect.stringContaining(why) });
});

test('proof verify - what is no proof, or not there, is a mistake of its caller', async () => {
  for (const path of [written('x.json', '{"proof":{}}'), written('y.json', 'no JSON'), join(dir, 'nowhere.json')])
    expect(await verify(path)).toMatchObject({ code: 2, err: expect.stringContaining(path) });
  expect(await verify(file, '--disk', join(dir, 'no.img'))).toMatchObject({ err: expect.stringContaining('no.img') });
});
