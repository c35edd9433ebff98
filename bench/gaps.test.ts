import { bucketKey, envelope, type Report, subjects } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { Gaps, looks } from './gaps.ts';

const time = new Date(0);
const ended = (vm: string, step: Report['step'], ok = true) => {
  const outcome: Report['outcome'] = ok
    ? { ok, result: {} }
    : { ok, error: { code: 'transfer.read', title: '', detail: '', fix: '', retry: true } };
  const data: Report = { migration: 'gap-1', vm, step, attempt: 1, outcome };
  const body = envelope({ id: 'r', source: 'test', type: 'test', time, data });
  return [subjects.command('planner', 'report', 'gap-1', vm), Buffer.from(JSON.stringify(body))] as const;
};
const look = (vm: string, ...more: string[]) =>
  [`${looks}.${bucketKey('gap-1', vm, ...more)}`, Buffer.alloc(0)] as const;

test('gaps - from a report to the first look of the same VM’s next worker, and no further', () => {
  const gaps = new Gaps();
  gaps.hear(...look('a'), 1);
  gaps.hear(...ended('a', 'copy'), 10);
  gaps.hear(...ended('b', 'prove'), 11);
  gaps.hear(...look('b'), 14);
  gaps.hear(...look('a'), 15);
  gaps.hear(...look('a', 'prove', '1'), 16);
  gaps.hear(...look('a'), 20);
  expect(gaps.all).toEqual([
    { vm: 'b', after: 'prove', ms: 3 },
    { vm: 'a', after: 'copy', ms: 5 },
  ]);
});

test('gaps - a step that failed is tried again when its pause is over: no gap', () => {
  const gaps = new Gaps();
  gaps.hear(...ended('a', 'copy', false), 10);
  gaps.hear(...look('a'), 1_010);
  expect(gaps.all).toEqual([]);
});
