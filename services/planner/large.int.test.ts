import type { Bus } from '@tranship/bus';
import {
  events as declared,
  type EventData,
  eventExamples,
  subjects,
  type TranshipEvent,
  type VmEventType,
} from '@tranship/contracts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Soon } from './acts/soon.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { bus, clock, openBus, type Replica, replica } from './testing/replica.ts';

/** A migration of very many VMs that were converted, in the log, and a planner that has read it. */
const vms = Array.from({ length: 5_000 }, (_, i) => ({ id: `vm-${i}`, name: `shop-web-${i}` }));
const migration = 'large-1';
const course = [
  ...(['vm.queued', 'vm.admitted', 'vm.prepared', 'vm.cutover-due', 'vm.powered-off', 'vm.changes-found'] as const),
  ...(['vm.pass-finished', 'vm.proved', 'vm.converted'] as const),
] satisfies VmEventType[];
const appendAtOnce = 100;
const digest = '0123456789abcdef'.repeat(4);
const text = (of: string) => `# ${of}: text of the guest\n${'GRUB_CMDLINE_LINUX="console=ttyS0 quiet"\n'.repeat(8)}`;

/** As of a Debian guest that is given an agent: some texts, and the files of packages. */
const converted: EventData<'vm.converted'> = declared['vm.converted'].data.parse({
  ...eventExamples['vm.converted'],
  changes: Array.from({ length: 48 }, (_, i) => ({
    path: i < 16 ? `/etc/default/grub.d/${i}.cfg` : `/usr/lib/x86_64-linux-gnu/libguest-agent-${i}.so.0.7200.4`,
    before: i < 16 ? text('before') : null,
    after: i < 16 ? text('after') : `123456 bytes, sha256 ${digest}`,
    digests: { before: i < 16 ? digest : null, after: digest },
  })),
});
const told = course.map((type) => ({ type, data: type === 'vm.converted' ? converted : eventExamples[type] }));

let planner: Replica;
let asker: Bus;
const asked = ['getMigration', 'listMigrations', 'timeline', 'report'] as const;

const stop = new AbortController();
afterAll(async () => {
  stop.abort();
  await asker?.close();
});

beforeAll(async () => {
  planner = replica();
  const { all, engine, model } = planner;
  const context = { source: 'test', time: new Date(clock.now()) };
  const left = [...vms];
  const append = async () => {
    for (let vm = left.pop(); vm !== undefined; vm = left.pop())
      await bus.events.append(subjects.event('vm', migration, vm.id), told as TranshipEvent[], 0, context);
  };
  await Promise.all(Array.from({ length: appendAtOnce }, append));
  const started = { plan: 'large', generation: 1, concurrency: 20, vms };
  await all.append('migration', [migration], { type: 'migration.started', data: started }, 0);
  await vi.waitUntil(() => model.seq === vms.length * course.length + 1, { timeout: 120_000 });
  const queries = migrationQueries(all, engine, new Soon(), model) as { [K in (typeof asked)[number]]: never };
  for (const name of asked) bus.serve(name, queries[name], stop.signal);
  asker = await openBus('asker');
});

test('large - a migration of 5,000 converted VMs is told of, and the timeline of each, within their deadlines', async () => {
  const { vms: all } = await asker.query('getMigration', { name: migration });
  expect(all.map(({ id }) => id)).toEqual(vms.map(({ id }) => id));
  expect(all.every(({ state }) => state === 'handing-over')).toBe(true);
  expect(all[4_999]!.results.convert).toMatchObject({
    ...{ engine: 'direct', files: { count: 48, paths: converted.changes.slice(0, 32).map(({ path }) => path) } },
  });
  const { items } = await asker.query('timeline', { name: migration, vm: 'vm-4999' });
  expect(items.map(({ type }) => type)).toEqual(course);
  expect(items.at(-1)!.data).toEqual(converted);
  const list = await asker.query('listMigrations', { plan: 'large' });
  expect(list.items.map(({ vms }) => vms.length)).toEqual([5_000]);
});

test('large - the texts of a conversion are read where they are asked for: of one VM', async () => {
  const { guest } = await asker.query('report', { name: migration, vm: 'vm-17' });
  expect(guest?.files).toEqual(converted.changes);
  expect(JSON.stringify(planner.model.courses())).not.toContain('text of the guest');
});

test('large - what is too much for one answer is told as such; all courses are read, and the connection stays', async () => {
  await expect(asker.query('timeline', { name: migration })).rejects.toMatchObject({ code: 'service.too-large' });
  const courses = await Promise.all(vms.map(({ id }) => planner.engine.log.load(migration, id)));
  expect(courses.every(({ state }) => state === 'HO')).toBe(true);
  expect(bus.connected).toBe(true);
});
