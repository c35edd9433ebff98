import { nearest } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { denial } from './access.ts';
import { labelSelector } from './label-selector.ts';
import { subjectFilter, subjectMatches } from './subject-filter.ts';

describe('labelSelector', () => {
  const web = { app: 'web', tier: 'front' };
  it.each([
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app in (web, db),!old', true],
    ['app notin (web)', false],
    ['missing', false],
    ['missing!=x', true],
    ['', true],
  ])('labels - %s is %s', (selector, expected) => expect(labelSelector(selector)(web)).toBe(expected));
  it.each(['a b', 'a in x', '=v'])('labels - %s is refused', (selector) =>
    expect(() => labelSelector(selector)).toThrow('labelSelector'),
  );
});

describe('subjectFilter', () => {
  it.each([
    ['vm.>', 'tranship.v1.evt.vm.m.a', true],
    ['vm.>', 'tranship.v1.evt.vm', false],
    ['*.m', 'tranship.v1.evt.migration.m', true],
    ['*.m', 'tranship.v1.evt.vm.m.a', false],
    ['tranship.v1.evt.plan.shop', 'tranship.v1.evt.plan.shop', true],
    ['plan.shop', 'tranship.v1.evt.plan.shop2', false],
  ])('subjects - %s on %s is %s', (filter, subject, expected) =>
    expect(subjectMatches(subjectFilter(filter), subject)).toBe(expected),
  );
  it.each(['', 'a..b', '>.a', 'tranship.v1.qry.x', 'a b'])('subjects - %j is refused', (filter) =>
    expect(() => subjectFilter(filter)).toThrow('subject'),
  );
});

describe('access and names', () => {
  it('access - roles hold the rights of the lesser ones', () => {
    expect(denial({ name: 'a', role: 'admin' }, 'viewer')).toBeUndefined();
    expect(denial({ name: 'v', role: 'viewer' }, 'operator')).toContain('v has the role viewer');
  });
  it('nearest - the name that was meant, or none', () => {
    expect(nearest('limt', ['limit', 'continue'])).toBe('limit');
    expect(nearest('zzz', ['limit', 'continue'])).toBeUndefined();
  });
});
