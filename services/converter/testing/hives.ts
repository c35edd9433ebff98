import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type KeyEdit, mergeText, texts } from '../domain/windows/registry.ts';

/** A registry hive with nothing in it but its root and that one's rights: the format's version 1.5. */
function emptyHive(): Buffer {
  const cell = (bytes: Buffer) => {
    const size = Math.ceil((bytes.length + 4) / 8) * 8;
    const whole = Buffer.alloc(size);
    whole.writeInt32LE(-size);
    bytes.copy(whole, 4);
    return whole;
  };
  const none = 0xffffffff;
  const root = Buffer.alloc(80);
  root.write('nk');
  root.writeUInt16LE(0x2c, 2);
  for (const at of [16, 28, 32, 40, 48]) root.writeUInt32LE(none, at);
  root.writeUInt16LE(4, 72);
  root.write('ROOT', 76);
  const key = cell(root);
  const rights = 32 + key.length;
  root.writeUInt32LE(rights, 44);
  const administrators = Buffer.from('01020000000000052000000020020000', 'hex');
  const descriptor = Buffer.concat([
    Buffer.from('0100008014000000240000000000000000000000', 'hex'),
    administrators,
    administrators,
  ]);
  const head = Buffer.alloc(20);
  head.write('sk');
  for (const at of [4, 8]) head.writeUInt32LE(rights, at);
  head.writeUInt32LE(1, 12);
  head.writeUInt32LE(descriptor.length, 16);
  const cells = Buffer.concat([cell(root), cell(Buffer.concat([head, descriptor]))]);
  const bin = Buffer.alloc(4096);
  bin.write('hbin');
  bin.writeUInt32LE(4096, 8);
  cells.copy(bin, 32);
  bin.writeInt32LE(4096 - 32 - cells.length, 32 + cells.length);
  const base = Buffer.alloc(4096);
  base.write('regf');
  for (const [at, value] of [
    [4, 1],
    [8, 1],
    [20, 1],
    [24, 5],
    [32, 1],
    [36, 32],
    [40, 4096],
    [44, 1],
  ] as const)
    base.writeUInt32LE(value, at);
  let sum = 0;
  for (let at = 0; at < 508; at += 4) sum ^= base.readUInt32LE(at);
  base.writeUInt32LE(sum >>> 0, 508);
  return Buffer.concat([base, bin]);
}

/** A hive with these values, as hivex writes it. */
export function hiveWith(file: string, name: 'SYSTEM' | 'SOFTWARE', edits: readonly KeyEdit[]): Buffer {
  const prefix = `HKEY_LOCAL_MACHINE\\${name}`;
  writeFileSync(file, emptyHive());
  const input = mergeText({ has: () => false, raw: () => undefined }, edits, prefix);
  execFileSync('hivexregedit', ['--merge', '--encoding=UTF-16LE', '--prefix', prefix, file], {
    input,
    timeout: 20_000,
  });
  return readFileSync(file);
}

/** A key of a hive and all below it, as hivexregedit tells it: one line a value, lists as JSON. */
export function exported(hive: string, key: string): string[] {
  const text = execFileSync(
    'hivexregedit',
    ['--export', '--unsafe-printable-strings', '--prefix', 'HKLM\\X', hive, key],
    { timeout: 20_000 },
  ).toString();
  let at = '';
  return text.split(/\r?\n/).flatMap((line) => {
    if (line.startsWith('[')) {
      at = line.slice(1 + 'HKLM\\X\\'.length, -1);
      return [];
    }
    const readable = line.replace(
      /=hex\(7\):([0-9a-f,]*)$/,
      (_, hex: string) => `=${JSON.stringify(texts({ type: 7, data: Buffer.from(hex.replaceAll(',', ''), 'hex') }))}`,
    );
    return /^["@]/.test(line) ? [`${at} ${readable}`] : [];
  });
}
