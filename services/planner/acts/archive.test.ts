import { type Plan, planSchema } from '@tranship/contracts';
import { expect, test } from 'vitest';
import type { MigrationFold } from '../domain/migration.ts';
import { foldPlan, isArchived } from '../domain/plan.ts';
import type { Model } from '../ports.ts';
import { archiveDue } from './archive.ts';

const hour = 3_600_000;
const stored = (name: string, archive: object): Plan =>
  planSchema.parse({
    ...{ apiVersion: 'tranship.dev/v1', kind: 'Plan', metadata: { name } },
    spec: {
      ...{ source: 'vc', target: { namespace: 'apps' }, vms: [{ name: 'web-01' }], archive },
      ...{ networkMap: { entries: [] }, storageMap: { entries: [] } },
    },
  });
const ended = (plan: string, at?: string) =>
  ({
    ...{ id: `${plan}-1`, started: { plan, vms: [] } },
    finished: at && { state: 'failed', at },
  }) as unknown as MigrationFold;
const due = (plan: Plan, migrations: MigrationFold[], now: number) =>
  archiveDue({ plans: () => [plan], migrations: () => migrations } as Partial<Model> as Model, now);

test('archive - a plan is due once its last migration has been over for as long as it says', () => {
  const plan = stored('shop', { after: '1h' });
  const ends = [ended('shop', '2026-01-01T00:00:00Z'), ended('shop', '2026-01-01T02:00:00Z'), ended('other')];
  const end = Date.parse('2026-01-01T02:00:00Z');
  expect(due(plan, ends, end + hour - 1)).toEqual([]);
  expect(due(plan, ends, end + hour)).toEqual(['shop']);
  expect(due(plan, [...ends, ended('shop')], end + hour)).toEqual([]);
  expect(due(stored('shop', {}), ends, end + 1000 * hour)).toEqual([]);
  expect(due(plan, [], end + hour)).toEqual([]);
  expect(due({ ...plan, status: { archived: '2026-01-01T03:00:00Z' } }, ends, end + hour)).toEqual([]);
  const old = { ...plan, spec: { ...plan.spec, archive: undefined } } as unknown as Plan;
  expect(due(old, ends, end + hour)).toEqual([]);
});

test('plan - the fold: archived it says since when, removed it is forgotten, and stored anew it is not archived', () => {
  const plan = stored('shop', {});
  const fold = (...types: string[]) =>
    types.map((type) => ({ type, time: 't', data: plan })).reduce<Plan | undefined>(foldPlan, undefined);
  expect(fold('plan.accepted', 'plan.validated')).toEqual(plan);
  expect(fold('plan.accepted', 'plan.archived')?.status).toEqual({ archived: 't' });
  expect(isArchived(fold('plan.accepted', 'plan.archived')!)).toBe(true);
  expect(fold('plan.accepted', 'plan.archived', 'plan.removed')).toBeUndefined();
  expect(isArchived(fold('plan.accepted', 'plan.archived', 'plan.removed', 'plan.accepted')!)).toBe(false);
  expect(fold('plan.archived')).toBeUndefined();
});
