import { expect, test } from 'vitest';
import { binary, dword, expand, type KeyEdit, mergeText, missing, multi, shownText, sz, texts } from './registry.ts';

const hive = {
  has: (path: string) => ['Set', 'Set\\Services'].includes(path),
  raw: (path: string, name: string) => (path === 'Set\\Services' && name === 'Start' ? dword(2) : undefined),
};
const prefix = 'HKLM\\SYSTEM';

test('registry - what the hive holds already is no edit: by type and by bytes', () => {
  const edits: KeyEdit[] = [{ key: 'Set\\Services', values: { Start: dword(2), Group: sz('x') } }];
  expect(missing(hive, edits)).toEqual([{ key: 'Set\\Services', values: { Group: sz('x') } }]);
  expect(missing(hive, [{ key: 'Set\\Services', values: { Start: dword(2) } }])).toEqual([]);
  expect(missing(hive, [{ key: 'Set\\Services', values: { Start: binary(dword(2).data) } }])).toHaveLength(1);
});

test('registry - merged as bytes, with each key that is not there named once before what is below it', () => {
  const edits: KeyEdit[] = [
    { key: 'Set\\Services\\a b\\Parameters', values: { '': sz('é'), 'C:\\"x"': multi('1', '2') } },
    { key: 'Set\\Services\\A B\\Other', values: { Data: binary(Buffer.from([1, 255])) } },
  ];
  expect(
    mergeText(hive, edits, prefix)
      .split('\n')
      .filter((line) => line !== ''),
  ).toEqual([
    '[HKLM\\SYSTEM\\Set\\Services\\a b]',
    '[HKLM\\SYSTEM\\Set\\Services\\a b\\Parameters]',
    '@=hex(1):e9,00,00,00',
    '"C:\\\\\\"x\\""=hex(7):31,00,00,00,32,00,00,00,00,00',
    '[HKLM\\SYSTEM\\Set\\Services\\A B\\Other]',
    '"Data"=hex(3):01,ff',
  ]);
});

test('registry - shown as a person reads it, before and after', () => {
  const edits: KeyEdit[] = [
    { key: 'Set\\Services', values: { Start: dword(0), ImagePath: expand('system32\\a.sys') } },
    { key: 'Set\\New', values: { List: multi('a', 'b'), Data: binary(Buffer.from([1, 2])), Empty: sz('') } },
  ];
  expect(shownText(edits, prefix, hive)).toBe('[HKLM\\SYSTEM\\Set\\Services]\n"Start"=dword:00000002\n');
  expect(shownText(edits, prefix)).toBe(
    [
      '[HKLM\\SYSTEM\\Set\\Services]',
      '"Start"=dword:00000000',
      '"ImagePath"=expand:"system32\\\\a.sys"',
      '',
      '[HKLM\\SYSTEM\\Set\\New]',
      '"List"=multi:"a","b"',
      '"Data"=hex:01,02',
      '"Empty"=""',
      '',
    ].join('\n'),
  );
});

test('registry - the texts of a list', () => {
  expect(texts(multi('10.0.0.1', '10.0.0.2'))).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(texts(multi())).toEqual([]);
});
