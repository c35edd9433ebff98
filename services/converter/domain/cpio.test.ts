import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CpioIndex, cpio, foldersOf } from './cpio.ts';

const entries = fc.uniqueArray(
  fc.record({
    path: fc.stringMatching(/^[a-z][a-z0-9._-]{0,20}$/),
    content: fc.option(
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
  }),
  { selector: ({ path }) => path, maxLength: 8 },
);
const plain = (list: readonly { path: string; content: Buffer | undefined }[]) =>
  list.map(({ path, content }) => (content ? { path, content } : { path }));

test('cpio - names come back from any cut of the archive', () => {
  fc.assert(
    fc.property(entries, fc.array(fc.nat({ max: 400 }), { maxLength: 6 }), (list, cuts) => {
      const archive = cpio(plain(list));
      expect(archive.length % 4).toBe(0);
      const reader = new CpioIndex((name) => name === list[0]?.path);
      let from = 0;
      for (const to of [...cuts.sort((a, b) => a - b), archive.length]) {
        reader.push(archive.subarray(from, to));
        from = Math.max(from, to);
      }
      expect(reader.ended).toBe(true);
      expect(reader.size).toBe(archive.length);
      expect(reader.names).toEqual(list.map(({ path }) => path));
      if (list[0]) expect(reader.kept.get(list[0].path)).toEqual(list[0].content ?? Buffer.alloc(0));
    }),
  );
});

test('cpio - what is no archive is told', () => {
  expect(() => new CpioIndex().push(Buffer.alloc(200, 'x'))).toThrow('no cpio archive');
});

test('cpio - folders, outermost first', () => {
  expect(foldersOf(['a/b/c', 'a/d'])).toEqual(['a', 'a/b']);
});
