import type { TranshipEvent } from '@tranship/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newCourse } from './domain/course.ts';
import { foldPermit, type StoredPermit, sessionsOn } from './domain/permits.ts';
import { plan } from './testing/course.ts';
import { type Replica, replica } from './testing/replica.ts';

const [perHost, concurrency] = [2, 4];
const hosts = ['host-0', 'host-1', 'host-2'];
const vms = Array.from({ length: 8 }, (_, i) => `vm-${i}`);

/** A migration with tight limits, its VMs queued. */
async function queued({ all, engine }: Replica, id: string) {
  const connection = { ...plan().connection, provider: id };
  for (const [i, vm] of vms.entries()) {
    const data = plan({ connection, host: hosts[i % 3]!, sessionsPerHost: perHost });
    await engine.log.append(newCourse(id, vm), { type: 'vm.queued', data });
  }
  const started = { plan: id, generation: 1, concurrency, vms: vms.map((vm) => ({ id: vm, name: vm })) };
  await all.append('migration', [id], { type: 'migration.started', data: started }, 0);
}

/** What is wrong at any moment of the log: read in its order, permits and courses together. */
async function wrongs({ all }: Replica, id: string): Promise<string[]> {
  const courses = vms.map(async (vm) => (await all.read('vm', id, vm)).events.map((event) => ({ ...event, vm })));
  const events = [...(await all.read('permits', id)).events, ...(await Promise.all(courses)).flat()];
  const running = new Set<string>();
  const seen: string[] = [];
  let held: StoredPermit[] = [];
  for (const event of events.toSorted((a, b) => a.seq - b.seq)) {
    if (!('vm' in event)) held = foldPermit(held, event);
    else if (event.type === 'vm.admitted') running.add(String(event.vm));
    else if (event.type === 'vm.cancelled') running.delete(String(event.vm));
    if (held.length > concurrency) seen.push(`${held.length} VMs at once`);
    for (const host of hosts) if (sessionsOn(host, held) > perHost) seen.push(`too many on ${host}`);
    for (const vm of running) if (!held.some((permit) => permit.vm === vm)) seen.push(`${vm} runs without a permit`);
  }
  return seen;
}

const quiet = { issue: async () => {} };
/** These come to be, whatever others have said meanwhile; what cannot happen changes nothing. */
async function word({ engine: { log } }: Replica, id: string, vm: string, ...events: TranshipEvent[]) {
  for (const event of events) await log.append(await log.load(id, vm), event).catch(() => {});
}
const end: TranshipEvent[] = [
  { type: 'vm.cancel-requested', data: {} },
  { type: 'vm.undo-began', data: {} },
  { type: 'vm.target-removed', data: { removed: [], kept: false } },
  { type: 'vm.source-tidied', data: { snapshots: [], tracking: 'kept' } },
  { type: 'vm.cancelled', data: {} },
];
const retried: TranshipEvent = { type: 'vm.retried', data: {} };

test('permits - one that is about to be returned is granted anew to a VM that is tried again, and then not returned', async () => {
  const one = replica(quiet);
  let meanwhile = async () => {};
  const slow = replica(quiet, (all) => ({
    ...all,
    append: async (...what) => {
      if (what[2].type === 'permits.returned') await meanwhile();
      return all.append(...what);
    },
  }));
  await queued(one, 'again');
  await one.driver.drive('again');
  await word(one, 'again', 'vm-0', ...end);
  meanwhile = async () => {
    meanwhile = async () => {};
    await word(one, 'again', 'vm-0', retried);
    await one.driver.drive('again');
  };
  await slow.driver.refill('again');
  expect((await one.engine.log.load('again', 'vm-0')).state).toBe('PR');
  expect(await wrongs(one, 'again')).toEqual([]);
});

test('permits - the model: replicas that race while VMs end and are tried again exceed no limit, and no VM runs without a permit', async () => {
  const [one, two, three] = [replica(quiet), replica(quiet), replica(quiet)];
  const replicas = [one, two, three];
  const { log } = one.engine;
  let runs = 0;
  const act = fc.record({ vm: fc.constantFrom(...vms), again: fc.boolean(), beside: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 16 }), async (acts) => {
      const id = `race${runs++}`;
      await queued(one, id);
      await Promise.all(replicas.map(({ driver }) => driver.drive(id)));
      for (const { vm, again, beside } of acts) {
        // The others stand anywhere while this is said.
        const moves = beside ? [two.driver.refill(id), three.driver.drive(id)] : [];
        const ended = [...end, ...(again ? [retried] : [])];
        await Promise.all([...moves, word(one, id, vm, ...ended)]);
        await Promise.all(replicas.map(({ driver }) => driver.refill(id)));
      }
      for (let i = 0; i < 3; i++) {
        for (const vm of vms) if ((await log.load(id, vm)).state === 'PR') await word(one, id, vm, ...end);
        await Promise.all(replicas.map(({ driver }) => driver.drive(id)));
      }
      expect(await wrongs(one, id)).toEqual([]);
      // None is left waiting, and nothing is held by what is over.
      const left = await Promise.all(vms.map(async (vm) => (await log.load(id, vm)).state));
      expect(left.filter((state) => state === 'QU')).toEqual([]);
      await one.model.current();
      expect(one.model.permits(id).held).toHaveLength(left.filter((state) => state === 'PR').length);
    }),
    { numRuns: 10 },
  );
}, 120_000);
