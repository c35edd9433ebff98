import { type Concern, rehearsalSchema, type StepResult } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { hear } from '../../lab/host/inside.ts';
import { kubectlJson } from '../../lab/host/kubectl.ts';
import { Story } from '../story.ts';

let story: Story;
beforeAll(async () => {
  story = await Story.begin({}, { 'vm-builder': { TRANSHIP_WORKBENCH_IMAGE: 'lab.local/tranship-appliance:1' } });
});
afterAll(() => story?.end());

const address = '192.168.76.40';
const counter = async () => Number((await hear(story.lab, address, 7000)).split(' ')[1] ?? 0);

test('appliance - a guest on xfs, in a workbench without rights: inspected and rehearsed while it runs, converted by our rules, and well with its name and address', async () => {
  const { metadata } = await kubectlJson(['get', 'namespace', 'tranship-work']);
  expect(metadata.labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
  await story.power('store-01', 'on');
  await story.eventually(async () => (await counter()) > 0, 300);
  await story.eventually(async () => (await story.vms()).some((vm) => vm.name === 'store-01' && vm.toolsRunning), 120);
  await story.plan('store', [{ name: 'store-01' }], {
    ...{ type: 'warm', precopy: { interval: '30s' }, cutover: { mode: 'manual' } },
    defaults: { rehearse: 'required' },
  });
  const migration = await story.start('store');
  await story.happened(migration, 'vm.inspected', 600);
  const told = (await story.timeline(migration)).find(({ type }) => type === 'vm.inspected')!;
  expect(told.data.concerns.filter(({ category }: Concern) => category === 'critical')).toEqual([]);
  expect(told.data).toMatchObject({ supported: true, engine: 'appliance' });
  await story.happened(migration, 'vm.rehearsed', 900);
  const rehearsal = await story.api.get(['migrations', migration, 'vms', 'store-01', 'rehearsal'], rehearsalSchema);
  expect(rehearsal).toMatchObject({ passed: true, boot: { mark: 'agent', failedUnits: [] } });
  const before = await counter();
  await story.api.send('POST', ['migrations', migration, 'cutover'], z.any());
  const { state, vms } = await story.finished(migration, 900);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  const { convert, watchHealth } = vms[0]!.results as {
    convert: StepResult<'convert'>;
    watchHealth: StepResult<'watchHealth'>;
  };
  console.log(`  inspected in ${told.data.seconds} s, converted in ${convert.seconds} s`);
  expect(convert).toMatchObject({ engine: 'appliance', reason: expect.stringContaining('by our rules') });
  expect(watchHealth).toMatchObject({ proven: true });
  expect(watchHealth.nics).toContainEqual(
    expect.objectContaining({
      mac: '00:50:56:aa:cc:40',
      name: 'ens192',
      addresses: expect.arrayContaining([address]),
    }),
  );
  expect(await counter()).toBeGreaterThan(before);
  expect(await story.leftovers()).toEqual([]);
});
