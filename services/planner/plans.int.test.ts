import type { Plan, TranshipEvent, Validation } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import type { Aggregates } from './ports.ts';
import { plan as pinned } from './testing/course.ts';
import { estate, planOf } from './testing/estate.ts';
import { queued, type Replica, replica } from './testing/replica.ts';

const { kit } = estate(['web-01', 'web-02'], (name) => ({ template: name === 'web-02' }));
type Ask = (input: object) => Promise<unknown>;

/** What people ask of a replica, each once it has read all. */
function at({ all, model }: Replica) {
  const queries = planQueries(all, model, kit) as unknown as Record<string, Ask>;
  const ask = (name: string) => async (input: object) => {
    await model.current();
    return queries[name]!(input);
  };
  return {
    put: ask('putPlan') as (plan: Plan) => Promise<Plan>,
    remove: ask('deletePlan'),
    validate: ask('validatePlan') as (input: object) => Promise<Validation>,
  };
}
const told = async ({ all }: Replica, name: string) => (await all.read('plan', name)).events.map(({ type }) => type);
const validated = async ({ all }: Replica, name: string) =>
  (await all.read('plan', name)).events.flatMap(({ type, data }) => (type === 'plan.validated' ? [data] : []));
const plan = (name: string, spec = {}) => planOf(name, [{ name: 'web-01' }], spec);

/** A replica whom something overtakes, once, before it appends to a plan. */
function overtaken(by: () => Promise<unknown>): Replica {
  let meanwhile: typeof by | undefined = by;
  const through = (all: Aggregates): Aggregates => ({
    ...all,
    append: async (...what) => {
      const first = meanwhile;
      if (what[0] === 'plan') meanwhile = undefined;
      if (what[0] === 'plan') await first?.();
      return all.append(...what);
    },
  });
  return replica(undefined, through);
}

test('plan - changed or deleted by two at once: the second is told of it', async () => {
  const one = replica();
  await at(one).put(plan('raced'));
  const changed = overtaken(() => at(one).put(plan('raced', { concurrency: { vms: 3 } })));
  await expect(at(changed).put(plan('raced', { concurrency: { vms: 4 } }))).rejects.toMatchObject({
    code: 'document.conflict',
  });
  const alsoChanged = overtaken(() => at(one).put(plan('raced', { concurrency: { vms: 5 } })));
  await expect(at(alsoChanged).remove({ name: 'raced' })).rejects.toMatchObject({ code: 'document.conflict' });
  const removed = overtaken(() => at(one).remove({ name: 'raced' }));
  await expect(at(removed).remove({ name: 'raced' })).rejects.toMatchObject({ code: 'document.conflict' });
  expect(await told(one, 'raced')).toEqual(['plan.accepted', 'plan.changed', 'plan.changed', 'plan.removed']);
});

test('plan - deleted only in the version that is named, whatever the gateway had seen', async () => {
  const one = replica();
  const first = await at(one).put(plan('versioned'));
  const second = await at(one).put(plan('versioned', { concurrency: { vms: 3 } }));
  const remove = (of: Plan) => at(one).remove({ name: 'versioned', resourceVersion: of.metadata.resourceVersion });
  await expect(remove(first)).rejects.toMatchObject({ code: 'document.conflict' });
  await remove(second);
  await one.model.current();
  expect(one.model.plan('versioned')).toBeUndefined();
});

test('plan - a validation among its changes hinders none of them', async () => {
  const one = replica();
  await at(one).put(plan('looked'));
  const validate = () => at(one).validate({ name: 'looked' });
  await at(overtaken(validate)).put(plan('looked', { concurrency: { vms: 3 } }));
  await at(overtaken(validate)).remove({ name: 'looked' });
  expect(await told(one, 'looked')).toEqual([
    ...['plan.accepted', 'plan.validated', 'plan.changed', 'plan.validated', 'plan.removed'],
  ]);
});

test('plan - what a validation told is stated with its generation, once until it is another', async () => {
  const [one, other] = [replica(), replica()];
  await at(one).put(plan('asked'));
  for (const by of [one, other, one]) expect(await at(by).validate({ name: 'asked' })).toMatchObject({ ready: true });
  await Promise.all([one, other, one].map((by) => at(by).validate({ name: 'asked' })));
  const good = { generation: 1, ready: true, vms: 1, critical: 0 };
  expect(await validated(one, 'asked')).toEqual([expect.objectContaining(good)]);

  // One of a plan that is not stored is nobody's.
  await at(one).validate({ plan: plan('asked', { target: { namespace: 'elsewhere' } }) });
  await at(one).put(planOf('asked', [{ name: 'web-01' }, { name: 'web-02' }]));
  await at(other).validate({ name: 'asked' });
  expect(await validated(one, 'asked')).toEqual([
    expect.objectContaining(good),
    expect.objectContaining({ generation: 2, ready: false, vms: 2, critical: 1 }),
  ]);
  expect(JSON.stringify(await validated(one, 'asked'))).not.toContain('web-0');
});

test('migration - tried again by two at once, and while it is stated to be over: it is open, and its VM goes on', async () => {
  const [one, other] = [replica(), replica()];
  await queued(one, 'reopened', { connection: { ...pinned().connection, provider: 'reopened' } });
  const course = () => one.engine.log.load('reopened', 'vm-1');
  const say = async (...events: TranshipEvent[]) => {
    for (const event of events) await one.engine.log.append(await course(), event);
  };
  const failed: TranshipEvent[] = [
    { type: 'vm.undo-began', data: {} },
    { type: 'vm.target-removed', data: { removed: [], kept: false } },
    { type: 'vm.source-tidied', data: { snapshots: [], tracking: 'kept' } },
    { type: 'vm.failed', data: {} },
  ];
  await say(...failed);
  await one.driver.sweep();
  const finished = async (by = one) => {
    await by.model.current();
    return by.model.migration('reopened')!.finished?.state;
  };
  expect([await finished(one), await finished(other)]).toEqual(['failed', 'failed']);

  const retry = ({ all, engine, soon, model }: Replica) =>
    (migrationQueries(all, engine, soon, model) as unknown as Record<string, Ask>).actOnMigration!({
      ...{ name: 'reopened', verb: 'retry', force: false },
    });
  const answers = await Promise.allSettled([retry(one), retry(other)]);
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
  expect(refused).toEqual(['document.conflict']);
  expect(await finished()).toBeUndefined();

  // Whoever saw it over a moment before states so when it is tried again already.
  await say(...failed, { type: 'vm.retried', data: {} });
  const { seq } = await one.all.read('migration', 'reopened');
  await one.all.append('migration', ['reopened'], { type: 'migration.finished', data: { state: 'failed' } }, seq);
  await one.model.current();
  await one.driver.sweep();
  expect(await finished()).toBeUndefined();
  expect((await course()).state).toBe('PR');
});
