import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { qmp } from '../lab/guests/qmp.ts';
import { hear } from '../lab/host/inside.ts';
import { stateDir } from '../lab/state.ts';
import { VSphere } from '../libs/vsphere/index.ts';
import { Story } from './story.ts';

const name = 'raw-01';
const address = '192.168.76.11';
let story: Story;

/** A guest that runs on its source, with its tools. */
beforeAll(async () => {
  story = await Story.begin();
  await story.power(name, 'on');
  await story.eventually(async () => (await source()).toolsRunning, 300);
});
afterAll(async () => {
  await story?.power(name, 'off');
  await story?.end();
});

const source = async () => (await story.vms()).find((vm) => vm.name === name)!;
const monitor = join(stateDir, `guests/${name}.qmp`);
const status = async () => ((await qmp(monitor, 'query-status')) as { status: string }).status;

test('source - a snapshot stuns the running guest while its disk is frozen, and it goes on afterwards', async () => {
  const { url, username, passwordFile, caFile } = story.lab.vcsim;
  const login = async () => ({ username, password: readFileSync(passwordFile, 'utf8') });
  const vcenter = new VSphere({ url, trust: { ca: readFileSync(caFile, 'utf8') }, login });
  const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
  const vm = { type: 'VirtualMachine', value: (await source()).id };
  // The freeze takes a moment here, so that it can be looked at.
  await story.control('/delays?tasks', { CreateSnapshotEx: 3_000 });
  try {
    expect(await status()).toBe('running');
    const params = { name: 'look', description: '', memory: false, quiesce: false };
    const taken = vcenter.task(vm, 'CreateSnapshot_Task', params, 60_000, sleep);
    await story.eventually(async () => (await status()) === 'paused', 30);
    const snapshot = (await taken) as unknown as { type: string; value: string };
    expect(await status()).toBe('running');
    await vcenter.task(snapshot, 'RemoveSnapshot_Task', { removeChildren: false }, 60_000, sleep);
    expect(await hear(story.lab, address, 7000)).toContain(name);
  } finally {
    await story.control('/delays?tasks', {});
    await vcenter.close();
  }
});

test('source - a guest whose tools run but that does not shut down in time goes on; the fix is told', async () => {
  await story.control(`/guest/deaf?vm=${name}`);
  await story.plan('deaf', [{ name }], { defaults: { shutdown: { deadline: '10s', then: 'fail' } } });
  const { state, vms } = await story.finished(await story.start('deaf'), 240);
  expect(state).toBe('failed');
  const detail = expect.stringContaining('still runs after 10 s');
  expect(vms[0]?.error).toMatchObject({ code: 'source.shutdown-timeout', detail, fix: expect.any(String) });
  expect(await source()).toMatchObject({ powerState: 'poweredOn', toolsRunning: true });
  expect(await hear(story.lab, address, 7000)).toContain(name);
  expect(await story.leftovers()).toEqual([]);
});

test('source - a guest that powers itself off is off in vCenter, and in the inventory', async () => {
  // As if somebody pressed its button: vCenter has no part in it.
  await qmp(monitor, 'system_powerdown');
  await story.eventually(async () => (await source()).powerState === 'poweredOff', 120);
  expect(await source()).toMatchObject({ toolsRunning: false });
});
