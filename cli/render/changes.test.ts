import { type MadeChange, sized } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { changeLines, madeLines } from './changes.ts';

const plain = (_: string, text: string) => text;
const made = (over: Partial<MadeChange>) =>
  madeLines([{ path: '/f', before: 'a\n', after: 'b\n', digests: { before: '1', after: '2' }, ...over }], plain);

test('changes - a file that is no text, or too long a one, is told by its digests alone; one of an old event by its diff', () => {
  const large = sized({ size: 9, sha256: 'a'.repeat(64) });
  expect(made({ before: large })).toEqual(['/f', '  --- sha256 1', '  +++ sha256 2']);
  expect(made({ before: null, after: large, digests: { before: null, after: '2' } })).toEqual([
    ...['new /f', '  --- none', '  +++ sha256 2'],
  ]);
  expect(made({ digests: undefined })).toEqual(['/f', '  @@ -1,1 +1,1 @@', '  -a', '  +b']);
});

test('changes - of a long diff the beginning, and how much is left out; of a long line as well', () => {
  const lines = made({ before: null, after: `${'y'.repeat(300)}\n${'x\n'.repeat(60)}` });
  expect(lines).toHaveLength(1 + 2 + 40 + 1);
  expect(lines[4]).toBe(`  +${'y'.repeat(199)}…`);
  expect(lines.at(-1)).toBe('  … 22 lines more');
});

test('changes - a guest’s own text moves no cursor and ends no line', () => {
  const lines = changeLines([{ path: '/a\nb', before: 'x', after: 'y', diff: '+\u001b[2Jz\r\tw' }], plain);
  expect(lines).toEqual(['/a�b', '  --- sha256 x', '  +++ sha256 y', '  +�[2Jz�\tw']);
});
