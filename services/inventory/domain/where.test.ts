import { fieldsOf, queryExamples, type SourceVm } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { like, where } from './where.ts';

const fields = fieldsOf('vms');
const [web] = queryExamples.vms.result.items as [SourceVm];
const two = { ...web, disks: [web.disks[0]!, { ...web.disks[0]!, capacityBytes: 1, backing: 'rdm' }] } as SourceVm;
const holds = (text: string, row: object = two) => where(text, fields)(row);

test.for([
  ['memoryMB > 2047 and powerState = "poweredOn"', true],
  ['memoryMB > 2048', false],
  ['memoryMB >= 2048 and memoryMB <= 2048 and cpus < 2.5', true],
  ["name = 'web-01'", true],
  ['name = "WEB-01"', false],
  ['name like "WEB-*"', true],
  ['path like "/DC0/vm/*/web-0?"', true],
  ['template', false],
  ['not template and toolsRunning = true', true],
  ['NOT (template OR secureBoot)', true],
  ['template or cpus = 2 and memoryMB = 1', false],
  ['(template or cpus = 2) and memoryMB = 2048', true],
  ['nics.network.name = "VM Network"', true],
  ['disks.capacityBytes = 1', true],
  ['disks.backing = "flat" and disks.backing = "rdm"', true],
  ['disks.backing != "rdm"', false],
  ['disks.backing != "sparse"', true],
  ['devices = "usb"', false],
  ['devices != "usb"', true],
  ['hostName = "web"', false],
  ['hostName != "web"', true],
  ['hostName like "*"', false],
  ['snapshots > -1', true],
  [String.raw`name = "a\"b\\c"`, false],
] as const)('where - %s: %s', ([text, is]) => {
  expect(holds(text)).toBe(is);
});

test.for([
  ['memoryMb > 4096', 'column 1: there is no field memoryMb; did you mean memoryMB?'],
  ['cpus = 2 and powrState = "poweredOn"', 'column 14: there is no field powrState; did you mean powerState?'],
  ['disks = 2', 'column 1: there is no field disks; did you mean disks.key?'],
  ['powerState > 3', 'column 12: > is for a number; powerState is a string'],
  ['cpus like "2"', 'column 6: like is for a string; cpus is a number'],
  ['powerState = "on"', 'column 14: powerState is one of poweredOn, poweredOff, suspended'],
  ['powerState = poweredOn', 'column 14: powerState is compared with a text in quotes, not with poweredOn'],
  ['cpus = "2"', 'column 8: cpus is compared with a number, not with "2"'],
  ['template = 1', 'column 12: template is compared with true or false, not with 1'],
  ['cpus', 'column 1: cpus is a number: = or another comparison is wanted behind it'],
  ['cpus = ', 'column 8: cpus is compared with a number, not with the end'],
  ['(cpus = 2', 'column 10: the ( of column 1 is not closed'],
  ['cpus = 2 template', 'column 10: and, or, or the end is wanted before template'],
  ['cpus = 2)', 'column 9: and, or, or the end is wanted before )'],
  ['', 'column 1: a field is wanted, not the end'],
  ['name = "web', 'column 8: "web is not understood'],
  ['cpus = 2 && template', 'column 10: && templat is not understood'],
  [`${'('.repeat(1_000)}template${')'.repeat(1_000)}`, 'column 52: not and ( are 50 deep at most'],
] as const)('where - %s: %s', ([text, said]) => {
  expect(() => where(text, fields)).toThrow(
    expect.objectContaining({ code: 'inventory.where', path: 'where', detail: said }),
  );
});

/** An expression as text, and what it is of a row, worked out another way. */
interface Expression {
  readonly text: string;
  of(row: Row): boolean;
}
interface Row {
  readonly cpus: number;
  readonly name: string;
  readonly template: boolean;
  readonly disks: readonly { readonly capacityBytes: number }[];
}
const number = fc.integer({ min: -3, max: 3 });
const word = fc.string({ maxLength: 3 });
const row: fc.Arbitrary<Row> = fc.record({
  cpus: number,
  name: word,
  template: fc.boolean(),
  disks: fc.array(fc.record({ capacityBytes: number }), { maxLength: 3 }),
});
const comparisons = {
  '=': (a: number, b: number) => a === b,
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
};
const sign = fc.constantFrom(...(Object.keys(comparisons) as (keyof typeof comparisons)[]));
const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const { expression } = fc.letrec<{ expression: Expression }>((again) => ({
  expression: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'where' },
    fc.tuple(sign, number).map(([s, n]) => ({ text: `cpus ${s} ${n}`, of: (r: Row) => comparisons[s](r.cpus, n) })),
    fc.tuple(sign, number).map(([s, n]) => ({
      text: `disks.capacityBytes ${s} ${n}`,
      of: (r: Row) => r.disks.some(({ capacityBytes }) => comparisons[s](capacityBytes, n)),
    })),
    word.map((w) => ({ text: `name != ${quoted(w)}`, of: (r: Row) => r.name !== w })),
    fc.constant({ text: 'template', of: (r: Row) => r.template }),
    again('expression').map((e) => ({ text: `not (${e.text})`, of: (r: Row) => !e.of(r) })),
    fc.tuple(fc.constantFrom('and', 'or'), again('expression'), again('expression')).map(([how, a, b]) => ({
      text: `(${a.text} ${how} ${b.text})`,
      of: (r: Row) => (how === 'and' ? a.of(r) && b.of(r) : a.of(r) || b.of(r)),
    })),
  ),
}));

test('where - any expression says of any row what its parts say, whatever stands between them', () => {
  fc.assert(
    fc.property(expression, row, ({ text, of }, each) => {
      expect(holds(text, each)).toBe(of(each));
    }),
  );
});

test('where - and binds closer than or', () => {
  fc.assert(
    fc.property(expression, expression, expression, row, (a, b, c, each) => {
      expect(holds(`${a.text} or ${b.text} and ${c.text}`, each)).toBe(a.of(each) || (b.of(each) && c.of(each)));
    }),
  );
});

test('where - no text makes it fail in another way than with a column', () => {
  const part = fc.constantFrom(
    '(',
    ')',
    'not',
    'and',
    'or',
    '=',
    '>',
    'like',
    'cpus',
    'name',
    'template',
    '2',
    '"a"',
    'true',
  );
  const text = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.array(part, { maxLength: 12 }).map((all) => all.join(' ')),
  );
  fc.assert(
    fc.property(text, (any) => {
      try {
        where(any, fields)(web);
      } catch (error) {
        expect(error).toMatchObject({ code: 'inventory.where', detail: expect.stringMatching(/^column \d+: /) });
      }
    }),
  );
});

test('where - like is as its pattern: stars for any signs, question marks for one', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'B'), maxLength: 8 });
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 });
  fc.assert(
    fc.property(letters, glob, (text, pattern) => {
      const known = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
      expect(like(text, pattern)).toBe(known.test(text));
    }),
  );
  expect(like('a'.repeat(2_000), `${'*a'.repeat(200)}b`)).toBe(false);
});
