import { performance } from 'node:perf_hooks';
import { type MigrationStatus, type Plan, queries, type TranshipEvent } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { underway } from './acts/underway.ts';
import { newCourse } from './domain/course.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import { startPlan } from './handlers/start-plan.ts';
import type { Aggregates } from './ports.ts';
import { plan as pin } from './testing/course.ts';
import { estate, planOf } from './testing/estate.ts';
import { answered, type Replica, replica } from './testing/replica.ts';

const names = ['web-01', 'web-02', 'web-03'];
const small = estate(names);

/** What people ask of a replica. */
function at(one: Replica, { kit } = small) {
  const plans = planQueries(one.all, one.model, kit) as { putPlan: (plan: Plan) => Promise<Plan> };
  const migrations = migrationQueries(one.all, one.engine, one.soon, one.model) as {
    actOnMigration: (input: object) => Promise<MigrationStatus>;
  };
  return {
    put: async (plan: Plan) => {
      await plans.putPlan(plan);
      await one.model.current();
    },
    start: async (name: string) => {
      await one.model.current();
      return startPlan(one.all, one.model, one.soon, kit, { name, readyOnly: false });
    },
    cancel: async (name: string) => {
      await one.model.current();
      return migrations.actOnMigration({ name, verb: 'cancel', force: false });
    },
  };
}

test('start - killed between any two appends and started anew, it is the plan as it is now, whole; a VM taken out is free', async () => {
  const large = { annotations: { note: 'x'.repeat(80_000) } };
  const outcomes: string[] = [];
  for (let appends = 0; outcomes.at(-1) !== 'alive'; appends++) {
    const [name, source] = [`cut${appends}`, `vc${appends}`];
    const [second, other] = [replica(), replica()];
    await at(second).put(
      planOf(
        name,
        names.map((vm) => ({ name: vm })),
        { source, defaults: large },
      ),
    );
    let left = appends;
    const first = replica(undefined, (all) => ({
      ...all,
      append: async (...what) => {
        if (left-- <= 0) throw new Error('killed');
        return all.append(...what);
      },
    }));
    const run = async () => {
      await at(first).start(name);
      await answered(first);
      return 'alive';
    };
    outcomes.push(await run().catch((error: Error) => error.message));

    const rest = names.slice(1).map((vm) => ({ name: vm }));
    await at(second).put(planOf(name, rest, { source, defaults: { runStrategy: 'Manual' } }));
    const stated = second.model.migration(`${name}-1`) !== undefined;
    if (stated) await expect(at(second).start(name)).rejects.toMatchObject({ code: 'migration.active' });
    else expect(await at(second).start(name)).toEqual({ migration: `${name}-1` });
    await other.model.current();
    await other.driver.sweep();
    await other.model.current();

    const { started } = other.model.migration(`${name}-1`)!;
    expect(started.vms.map((vm) => vm.name)).toEqual(stated ? names : names.slice(1));
    expect(started.generation).toBe(stated ? 1 : 2);
    for (const { id } of started.vms) {
      const course = other.model.course(`${name}-1`, id);
      expect(course?.state).toBe('PR');
      expect(course?.plan?.target.runStrategy).toBe(stated ? 'Always' : 'Manual');
      expect(underway(other.model, source, id)?.id).toBe(`${name}-1`);
    }
    if (!stated) expect(underway(other.model, source, 'vm-1')).toBeUndefined();
  }
  // Two pins, the start, and of each VM that it is queued, granted its permit and admitted.
  expect(outcomes).toHaveLength(2 + 1 + 3 * names.length + 1);
});

test('start - what an older planner queued for a start that was cut off is queued anew, and keeps no VM from others', async () => {
  const one = replica();
  for (const vm of ['vm-1', 'vm-2'])
    await one.engine.log.append(newCourse('older-1', vm), {
      type: 'vm.queued',
      data: pin({ connection: { ...pin().connection, provider: 'vc-old' } }),
    });
  await at(one).put(planOf('older', [{ name: 'web-02' }], { source: 'vc-old' }));
  expect(await at(one).start('older')).toEqual({ migration: 'older-1' });
  await answered(one);
  await one.model.current();
  expect(one.model.course('older-1', 'vm-2')).toMatchObject({ state: 'PR', plan: { plan: 'older' } });
  await at(one).put(planOf('another', [{ name: 'web-01' }], { source: 'vc-old' }));
  expect(await at(one).start('another')).toEqual({ migration: 'another-1' });
});

test('start - of two at once one starts it; a VM of it is nobody else’s before it is queued', async () => {
  const [one, other] = [replica(), replica()];
  await at(one).put(planOf('both', [{ name: 'web-01' }], { source: 'vc-both' }));
  await at(one).put(planOf('rival', [{ name: 'web-01' }], { source: 'vc-both' }));
  const starts = await Promise.allSettled([at(one).start('both'), at(other).start('both')]);
  expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(starts.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'migration.active' } });
  await expect(at(one).start('rival')).rejects.toMatchObject({ code: 'migration.active' });
});

/** From where it was admitted to its end. */
const givenUp: TranshipEvent[] = [
  { type: 'vm.undo-began', data: {} },
  { type: 'vm.target-removed', data: { removed: [], kept: false } },
  { type: 'vm.source-tidied', data: { snapshots: [], tracking: 'kept' } },
  { type: 'vm.failed', data: {} },
];
/** A plan of so many VMs, a few a host, from its start to where all permits are taken, some are over, and it is cancelled. */
async function fleet(count: number) {
  const name = `fleet${count}`;
  const all = Array.from({ length: count }, (_, i) => `vm${i}`);
  const site = estate(all, (_, i) => ({ host: { id: `host-${i % 50}`, name: 'h' }, powerState: 'poweredOff' }));
  let reads = 0;
  const counted = (through: Aggregates): Aggregates => ({
    ...through,
    read: (...what) => {
      reads++;
      return through.read(...what);
    },
  });
  const one = replica({ issue: async () => {} }, counted);
  const spec = { source: name, concurrency: { vms: 20 } };
  await at(one, site).put(
    planOf(
      name,
      all.map((vm) => ({ name: vm })),
      spec,
    ),
  );
  const took: Record<string, number> = {};
  const timed = async (what: string, work: () => Promise<unknown>) => {
    const [before, began] = [reads, performance.now()];
    await work();
    took[what] = performance.now() - began;
    return reads - before;
  };
  const started = await timed('start', () => at(one, site).start(name));
  const driven = await timed('drive', () => answered(one));
  await one.model.current();
  const admitted = one.model
    .courses()
    .filter(({ plan, state }) => plan?.connection.provider === name && state === 'PR');
  expect(admitted).toHaveLength(20);
  const { held } = one.model.permits(name);
  expect(held).toHaveLength(20);
  const swept = await timed('sweep', () => one.driver.drive(`${name}-1`));
  // One after the other comes to its end, and makes room for the next.
  let refilled = 0;
  for (const { vm } of admitted.slice(0, 3)) {
    for (const event of givenUp) await one.engine.log.append(await one.engine.log.load(`${name}-1`, vm), event);
    refilled += await timed('refill', () => one.driver.refill(`${name}-1`));
  }
  await one.model.current();
  expect(one.model.permits(name).held).toHaveLength(20);
  const cancelled = await timed('cancel', () => at(one, site).cancel(`${name}-1`));
  await one.model.current();
  const left = one.model.courses().filter((course) => course.plan?.plan === name && !course.cancelledIn);
  expect(left.map(({ state }) => state)).toEqual(['FA', 'FA', 'FA']);
  return { took, reads: started + driven + swept + refilled + cancelled };
}

test('start - 1,000 VMs: answers and words within their deadlines, and no more of the log is read than of a hundred', async () => {
  const few = await fleet(100);
  const many = await fleet(1000);
  expect(many.reads).toBeLessThanOrEqual(few.reads + 10);
  expect(many.took.start).toBeLessThan(queries.startPlan.deadlineMs);
  expect(many.took.cancel).toBeLessThan(queries.actOnMigration.deadlineMs);
}, 120_000);
