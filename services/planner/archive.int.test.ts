import { type Plan, planSchema, stepExamples, type TranshipEvent } from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { expect, test } from 'vitest';
import { newCourse } from './domain/course.ts';
import { archivePlan } from './handlers/archive-plan.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import { report } from './handlers/report.ts';
import { startPlan } from './handlers/start-plan.ts';
import { plan } from './testing/course.ts';
import { answer, answered, bus, clock, inQueue, prepared, queued, type Replica, replica } from './testing/replica.ts';

const document = (name: string, archive = {}): Plan =>
  planSchema.parse({
    ...{ apiVersion: 'tranship.dev/v1', kind: 'Plan', metadata: { name } },
    spec: {
      ...{ source: 'vc', target: { namespace: 'apps' }, vms: [{ name: 'web-01' }], archive },
      ...{ networkMap: { entries: [] }, storageMap: { entries: [] } },
    },
  });

/** A warm migration by a plan of its own that has come to its end, with change tracking left on. */
async function moved(one: Replica, name: string, provider: string): Promise<string> {
  const migration = `${name}-1`;
  await one.all.append('plan', [name], { type: 'plan.accepted', data: document(name) }, 0);
  const vms = [{ id: 'vm-1', name: 'web-01' }];
  const data = { plan: name, generation: 1, concurrency: 20, vms };
  await one.all.append('migration', [migration], { type: 'migration.started', data }, 0);
  const connection = { ...plan().connection, provider };
  let at = newCourse(migration, 'vm-1');
  const say = async (event: TranshipEvent) => {
    await one.engine.log.append(at, event);
    at = await one.engine.log.load(migration, 'vm-1');
  };
  await say({ type: 'vm.queued', data: { ...plan({ connection }), type: 'warm', start: false } });
  const now = new Date(clock.now()).toISOString();
  const point = { at: now, disks: [], foreign: [] };
  const pass: TranshipEvent[] = [
    { type: 'vm.pass-finished', data: { disks: [], seconds: 1 } },
    { type: 'vm.proved', data: { grade: 'standard', disks: [], seconds: 1 } },
  ];
  const events: TranshipEvent[] = [
    { type: 'vm.admitted', data: {} },
    { type: 'vm.prepared', data: prepared },
    { type: 'vm.pass-started', data: { pass: 1 } },
    { type: 'vm.snapshotted', data: { ...point, snapshot: 's', tracking: 'enabled', powerState: 'poweredOn' } },
    ...pass,
    { type: 'vm.snapshot-removed', data: { seconds: 1 } },
    { type: 'vm.cutover-due', data: { why: 'now' } },
    { type: 'vm.powered-off', data: { was: 'poweredOn', how: 'guest', at: now } },
    { type: 'vm.changes-found', data: point },
    ...pass,
    {
      type: 'vm.converted',
      data: { engine: 'none', reason: '', os: '', changes: [], nics: [], agent: 'unknown', roots: [], seconds: 1 },
    },
    { type: 'vm.handed-over', data: { pvcs: [], seconds: 1 } },
    { type: 'vm.created', data: stepExamples.create.result },
    { type: 'vm.settled', data: { removed: [] } },
  ];
  for (const event of events) await say(event);
  await one.model.current();
  await one.driver.sweep();
  await one.model.current();
  expect(one.model.migration(migration)?.finished?.state).toBe('succeeded');
  return migration;
}

const archive = (one: Replica, name: string) => archivePlan(one.all, one.engine.log, one.model, one.soon, name);
const untracked = { snapshots: [], tracking: 'off' };

test('archive - a plan is archived once its sources are tidied, and then neither started, changed nor retried', async () => {
  const one = replica();
  const migration = await moved(one, 'shop', 'another');
  expect((await archive(one, 'shop')).status).toBeUndefined();
  await one.model.current();
  expect(one.model.migration(migration)?.finished).toBeUndefined();
  await answered(one);
  const { attempt } = await one.engine.log.load(migration, 'vm-1');
  expect(await inQueue(migration)).toContain(`${migration}/vm-1/tidySource/${attempt}`);
  // Asked again meanwhile it says the same, and asks for nothing twice.
  expect((await archive(one, 'shop')).status).toBeUndefined();
  await report(one.engine, answer(migration, 'tidySource', attempt, untracked));
  await one.driver.drive(migration);
  await one.model.current();
  expect(one.model.migration(migration)?.finished?.state).toBe('succeeded');
  const stored = await archive(one, 'shop');
  expect(stored.status).toEqual({ archived: expect.any(String) });
  expect((await one.all.read('plan', 'shop')).events.filter(({ type }) => type === 'plan.archived')).toHaveLength(1);
  const query = async () => {
    throw new Error('nothing is asked');
  };
  const kit = { bus, clock, query } as unknown as Kit;
  const request = { name: 'shop', readyOnly: false };
  await expect(startPlan(one.all, one.model, one.soon, kit, request)).rejects.toMatchObject({
    code: 'plan.archived',
  });
  const { putPlan } = planQueries(one.all, one.model, kit) as { putPlan: (plan: Plan) => Promise<Plan> };
  await expect(putPlan(document('shop', { after: '1h' }))).rejects.toMatchObject({ code: 'plan.archived' });
  const { actOnMigration } = migrationQueries(one.all, one.engine, one.soon, one.model) as {
    actOnMigration: (input: object) => Promise<unknown>;
  };
  await expect(actOnMigration({ name: migration, verb: 'retry', force: false })).rejects.toMatchObject({
    ...{ code: 'migration.state', detail: expect.stringContaining('archived') },
  });
});

test('archive - refused while a migration of the plan runs, or another moves one of its VMs', async () => {
  const one = replica();
  await moved(one, 'busy', 'vc');
  await queued(one, 'elsewhere-1', { connection: plan().connection });
  await one.model.current();
  await expect(archive(one, 'busy')).rejects.toMatchObject({ code: 'migration.active' });
  await expect(archive(one, 'nobody')).rejects.toMatchObject({ code: 'document.not-found' });
});

test('archive - a plan that was never started is archived at once', async () => {
  const one = replica();
  await one.all.append('plan', ['unused'], { type: 'plan.accepted', data: document('unused') }, 0);
  await one.model.current();
  expect((await archive(one, 'unused')).status).toEqual({ archived: expect.any(String) });
});

test('plan - one that keeps a copy is not deleted before it is archived', async () => {
  const one = replica();
  await one.all.append('plan', ['keeper'], { type: 'plan.accepted', data: document('keeper') }, 0);
  const data = { plan: 'keeper', generation: 1, concurrency: 20, vms: [{ id: 'vm-1', name: 'web-01' }] };
  const seq = await one.all.append('migration', ['keeper-1'], { type: 'migration.started', data }, 0);
  await one.all.append('migration', ['keeper-1'], { type: 'migration.finished', data: { state: 'failed' } }, seq);
  await one.model.current();
  const remove = (kept: boolean) => {
    const model = { ...one.model, course: () => ({ ...newCourse('keeper-1', 'vm-1'), kept }) };
    const { deletePlan } = planQueries(one.all, model, {} as Kit);
    return (deletePlan as (input: object) => Promise<unknown>)({ name: 'keeper' });
  };
  await expect(remove(true)).rejects.toMatchObject({ code: 'plan.keeps' });
  await remove(false);
});
