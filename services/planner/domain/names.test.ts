import { expect, test } from 'vitest';
import { migrationId } from './names.ts';

test('names - migrations of two plans never have one id, whatever the plans are called', () => {
  const long = `${'moves-of-the-shop-'.repeat(3)}wave-`;
  const plans = ['web-prod', 'web.prod', `${long}01`, `${long}02`];
  for (const key of [undefined, 'commit-1']) {
    const ids = plans.map((plan) => migrationId(plan, 1, key));
    expect(new Set(ids).size).toBe(plans.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]{1,60}$/);
  }
  expect(migrationId('web-prod', 2, undefined)).toBe('web-prod-2');
});
