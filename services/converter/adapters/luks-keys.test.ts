import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasKeys, readKeys } from './luks-keys.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const key = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);

test('keys - each file is one, to its last byte but a newline at its end', () => {
  key('b', 'two words \n');
  key('a', Buffer.from([0xff, 0xe4, 32]));
  key('c', 'x\r\n');
  expect(readKeys(folder).map((each) => [each.name, each.reveal().toString('latin1')])).toEqual([
    ['a', '\xff\xe4 '],
    ['b', 'two words '],
    ['c', 'x\r'],
  ]);
});

test('keys - a Secret is a folder of links to what lies behind two dots', () => {
  mkdirSync(join(folder, '..2026'));
  key('..2026/root', 'one');
  symlinkSync('..2026', join(folder, '..data'));
  symlinkSync('..data/root', join(folder, 'root'));
  expect(readKeys(folder).map(({ name }) => name)).toEqual(['root']);
});

test('keys - none without a folder, or in an empty one', () => {
  expect([hasKeys(undefined), hasKeys(join(folder, 'none')), hasKeys(folder)]).toEqual([false, false, false]);
  key('a', 'x');
  expect(hasKeys(folder)).toBe(true);
});

test.each([
  ['empty', '\n', 'empty'],
  ['of two lines', 'word\nword', 'not one line'],
  ['binary', 'word\0word', 'not one line'],
  ['too large', 'word'.repeat(20_000), 'at most 65536 bytes'],
])('keys - a file that is %s is no key, and its content is not told', (_, content, why) => {
  key('root', content);
  expect(() => readKeys(folder)).toThrow(new RegExp(`: the key root is (?!.*word).*${why}`));
});

test('keys - what is made of a key in passing shows its name alone', () => {
  key('root', 'secret-words');
  const [one] = readKeys(folder);
  expect(`${JSON.stringify(one)}${inspect(one, { depth: 9, showHidden: true })}${String(one)}`).not.toContain('secret');
});
