import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, lists, quote, structures } from './words.ts';

test('words - nothing of a name is syntax, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
      const quoted = quote(name);
      expect(quoted).toMatch(/^"(?:[A-Za-z0-9_./:=,+@ -]|\\x[0-9a-f]{2})*"$/);
      const read = quoted
        .slice(1, -1)
        .replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
      expect(Buffer.from(read, 'latin1').toString()).toBe(Buffer.from(name).toString());
    }),
  );
});

test('words - lists are cut to lines that guestfish reads, and hold every name but those that it cannot be told', () => {
  const names = Array.from({ length: 3000 }, (_, i) => `name ${i}'s`);
  const found = lists([...names, 'back\\', `a\\'b`, 'x'.repeat(9000)], 100);
  expect(found.flatMap((each) => each.names)).toEqual(names);
  for (const { argument } of found) expect(argument.length).toBeLessThan(8000);
  expect(lists([], 0)).toEqual([]);
});

test('words - structures and bytes as guestfish prints them', () => {
  const said =
    '[0] = {\n  attrname: security.selinux\n  attrval: a:b\\x00\n}\n[1] = {\n  attrname: user.q\n  attrval: \\xffffffff\\\\x0ay\n}\n';
  const [first, second] = structures(said);
  expect(bytesOf(first!.get('attrval')!)).toEqual(Buffer.from('a:b\0'));
  expect(first!.get('attrname')).toBe('security.selinux');
  expect(bytesOf(second!.get('attrval')!)).toEqual(Buffer.from([0xff, 0x5c, 0x0a, 0x79]));
});
