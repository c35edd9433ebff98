import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identify } from './superblock.ts';

/** The header of LUKS as it lies on a disk. */
function header(version: number, json: string, size = 16_384): Buffer {
  const bytes = Buffer.alloc(Math.max(16_384, 4096 + Buffer.byteLength(json)));
  bytes.write('LUKS\xba\xbe', 'latin1');
  bytes.writeUInt16BE(version, 6);
  bytes.writeBigUInt64BE(BigInt(size), 8);
  bytes.write('5f0e1c1a-0000-4000-8000-0000000000c2', 168);
  bytes.write(json, 4096);
  return bytes;
}
const found = (bytes: Buffer) => identify((offset, length) => bytes.subarray(offset, offset + length), 0);
const tokens = (...types: string[]) => JSON.stringify({ tokens: { ...types.map((type) => ({ type })) } });

test('LUKS - its UUID, and what it is bound to besides passphrases', () => {
  const plain = { kind: 'luks', uuid: '5f0e1c1a-0000-4000-8000-0000000000c2', label: '' };
  expect(found(header(2, tokens()))).toEqual(plain);
  expect(found(header(2, tokens('luks2-keyring', 'systemd-recovery')))).toEqual(plain);
  expect(found(header(2, tokens('systemd-tpm2', 'clevis')))).toEqual({
    ...plain,
    bindings: ['clevis', 'systemd-tpm2'],
  });
  expect(found(header(1, tokens('clevis')))).toEqual(plain);
  expect(found(header(2, tokens('clevis'), 2 ** 40))).toEqual(plain);
});

test('LUKS - whatever its header says, it is LUKS', () => {
  const any = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((tokens) => JSON.stringify({ tokens })),
  );
  fc.assert(fc.property(any, (json) => found(header(2, json))?.kind === 'luks'));
});
