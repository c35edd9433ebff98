import { type StepName, stepExamples } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { commandIssuer } from './adapters/log.ts';
import { dueStep } from './domain/next.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { report } from './handlers/report.ts';
import { startPlan } from './handlers/start-plan.ts';
import type { Commands } from './ports.ts';
import { estate, planOf } from './testing/estate.ts';
import { answer, answered, bus, clock, failed, type Replica, replica, types } from './testing/replica.ts';

/** `shop` moves web-01 and db-01 together; of `lame` one is a template. */
const names = ['web-01', 'db-01', 'lame-01', 'lame-02'];
const { kit } = estate(names, (name) => ({ template: name === 'lame-02' }));
const document = planOf(
  'grouped',
  names.map((name) => ({ name, group: name.startsWith('lame') ? 'lame' : 'shop' })),
);

/** Two replicas, and what they ask of workers, in order. */
function world() {
  const asked: string[] = [];
  const commands: Commands = {
    issue: async (course, due) => {
      asked.push(`${course.vm} ${due.step}`);
      await commandIssuer(bus, clock).issue(course, due);
    },
  };
  const [one, other] = [replica(commands), replica(commands)];
  const synced = () => Promise.all([one.model.current(), other.model.current()]);
  return { one, other, asked, synced };
}

/** The worker of what is due answers a replica; `code`: it has failed. */
async function work({ engine }: Replica, migration: string, vm: string, code?: Parameters<typeof failed>[3]) {
  await clock.advance(1_000);
  const course = await engine.log.load(migration, vm);
  const step = dueStep(course) as StepName;
  const told: { [K in StepName]?: unknown } = { removeTarget: { removed: [], kept: course.kept } };
  const result = told[step] ?? stepExamples[step].result;
  const message = code
    ? failed(migration, step, course.attempt, code, vm)
    : answer(migration, step, course.attempt, result, vm);
  return report(engine, message);
}
/** Until it has come to this state. */
async function upTo(by: Replica, migration: string, vm: string, state: string) {
  for (let i = 0; i < 15; i++)
    if ((await by.engine.log.load(migration, vm)).state !== state) await work(by, migration, vm);
  expect((await by.engine.log.load(migration, vm)).state).toBe(state);
}

test('group - started by one replica and moved on by two: it goes together, is put back together, is retried together, and starts together', async () => {
  const { one, other, asked, synced } = world();
  await one.all.append('plan', ['grouped'], { type: 'plan.accepted', data: document }, 0);
  await synced();
  const start = (readyOnly: boolean) => startPlan(one.all, one.model, one.soon, kit, { name: 'grouped', readyOnly });
  await expect(start(false)).rejects.toMatchObject({ code: 'plan.not-ready' });
  const { migration } = await start(true);
  await answered(one);
  await synced();
  const states = async () =>
    Promise.all(['vm-1', 'vm-2'].map(async (vm) => (await other.engine.log.load(migration, vm)).state));
  const both = (state: string) => [state, state];

  // Of the lame group nobody moves; the others know of each other.
  expect(one.model.migration(migration)?.started.vms.map(({ name }) => name)).toEqual(['web-01', 'db-01']);
  for (const vm of ['vm-1', 'vm-2'])
    expect((await one.engine.log.load(migration, vm)).plan?.group).toEqual(['vm-1', 'vm-2']);

  // No source is stopped before both workbenches stand.
  await work(one, migration, 'vm-1');
  await other.driver.sweep();
  expect(await states()).toEqual(['WT', 'PR']);
  await work(other, migration, 'vm-2');
  expect(await states()).toEqual(both('ST'));

  // One is ready, and waits: it is not even looked whether its source is off.
  await upTo(one, migration, 'vm-1', 'CK');
  await upTo(other, migration, 'vm-2', 'CV');
  await other.driver.sweep();
  expect(asked.filter((each) => / (checkOff|start)$/.test(each))).toEqual([]);
  await work(other, migration, 'vm-2', 'guest.dirty');
  expect(await states()).toEqual(both('RT'));
  for (const [by, vm] of [
    [one, 'vm-1'],
    [other, 'vm-2'],
  ] as const)
    await upTo(by, migration, vm, 'FA');
  expect(asked.filter((each) => each.endsWith(' powerOn')).toSorted()).toEqual(['vm-1 powerOn', 'vm-2 powerOn']);
  expect((await one.engine.log.load(migration, 'vm-1')).error).toMatchObject({
    ...{ code: 'migration.group', detail: expect.stringContaining('guest.dirty') },
  });
  await synced();
  await one.driver.sweep();
  await synced();
  expect(other.model.migration(migration)?.finished?.state).toBe('failed');

  // Who names one of them means both.
  const { actOnMigration } = migrationQueries(other.all, other.engine, other.soon, other.model) as {
    actOnMigration: (input: object) => Promise<unknown>;
  };
  await actOnMigration({ name: migration, vm: 'web-01', verb: 'retry', force: false });
  await answered(other);
  for (const vm of ['vm-1', 'vm-2']) expect(await types(one, migration, vm)).toContain('vm.retried');
  expect(await states()).toEqual(both('PR'));

  // Neither starts before the sources of both were seen to be off.
  for (let i = 0; i < 10 && (await states()).join() !== 'ST,ST'; i++) {
    // A workbench that waits for the other's may be released, and stands again.
    const [first, second] = await states();
    if (first !== 'ST' && first !== 'WT') await work(one, migration, 'vm-1');
    if (second !== 'ST' && second !== 'WT') await work(other, migration, 'vm-2');
  }
  expect(await states()).toEqual(both('ST'));
  await upTo(one, migration, 'vm-1', 'CK');
  await upTo(other, migration, 'vm-2', 'CK');
  await work(one, migration, 'vm-1');
  await Promise.all([one.driver.sweep(), other.driver.sweep()]);
  expect(await states()).toEqual(['SR', 'CK']);
  expect(asked.filter((each) => each.endsWith(' start'))).toEqual([]);
  await work(other, migration, 'vm-2');
  expect(await states()).toEqual(both('SR'));
  expect(asked.filter((each) => each.endsWith(' start')).toSorted()).toEqual(['vm-1 start', 'vm-2 start']);
});
