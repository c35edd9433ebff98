import type { StepName, StepResult } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { hear } from '../lab/host/inside.ts';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import { Story } from './story.ts';

let story: Story;
beforeAll(async () => {
  story = await Story.begin({ planner: 2, 'vm-builder': 2 });
});
afterAll(() => story?.end());

/** The guest's service answers with its host name and a counter that it has written through to its disk. */
async function counter(address: string): Promise<number> {
  const [, count] = (await hear(story.lab, address, 7000)).split(' ');
  return Number(count);
}

test('guest - a running Debian moves cold, boots converted, and keeps its disk, its NIC’s name and its address', async () => {
  await story.eventually(async () => (await counter('192.168.76.10')) > 0, 180);
  await story.eventually(
    async () => (await story.vms()).some(({ name, toolsRunning }) => name === 'web-01' && toolsRunning),
    120,
  );
  const before = await counter('192.168.76.10');
  await story.plan('web', [{ name: 'web-01' }]);
  const migration = await story.start('web');
  await story.happened(migration, 'vm.converted', 240);
  // Restarted between two steps, all of them: no course is in memory alone.
  for (const name of ['planner', 'vm-builder', 'inventory', 'gateway'] as const) await story.product.restart(name);
  const { state, vms } = await story.finished(migration, 400);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  const results = vms[0]!.results as { [K in StepName]?: StepResult<K> };
  expect(results.powerOff).toMatchObject({ was: 'poweredOn', how: 'guest' });
  expect(results.convert).toMatchObject({ engine: 'direct' });
  expect(results.watchHealth).toMatchObject({ proven: true });
  expect(results.watchHealth?.nics).toContainEqual(
    expect.objectContaining({
      mac: '00:50:56:aa:cc:10',
      name: 'ens192',
      addresses: expect.arrayContaining(['192.168.76.10']),
    }),
  );
  expect(await counter('192.168.76.10')).toBeGreaterThan(before);
  expect(await story.leftovers()).toEqual([]);
  const labels = (await kubectlJson(['get', 'vmi', 'web-01', '-n', 'apps'])).status;
  expect(labels.phase).toBe('Running');
  await kubectl(['patch', 'vm', 'web-01', '-n', 'apps', '--type=merge', '-p', '{"spec":{"runStrategy":"Halted"}}']);
});

test('guest - the same disk unconverted does not boot on the target, and the plan says what to do then', async () => {
  const health = { agent: 'required', deadline: '90s' };
  await story.plan('raw', [{ name: 'raw-01' }], { defaults: { convert: 'none', targetPower: 'on', health } });
  const migration = await story.start('raw');
  await story.happened(migration, 'vm.decision-needed', 300);
  const { vms } = await story.status(migration);
  expect(vms[0]).toMatchObject({ error: { code: 'target.unhealthy' } });
  expect(await hear(story.lab, '192.168.76.11', 7000)).toBe('');
  await story.api.send('POST', ['migrations', migration, 'rollback'], z.any());
  expect((await story.finished(migration)).state).toBe('failed');
  expect(await story.leftovers()).toEqual([]);
  // A disk that has run is kept, stopped, until a person removes it.
  expect((await kubectlJson(['get', 'pvc', 'raw-01-disk-0', '-n', 'apps'])).status.phase).toBe('Bound');
  expect((await kubectlJson(['get', 'vmi', '-n', 'apps'])).items).toEqual([]);
});
