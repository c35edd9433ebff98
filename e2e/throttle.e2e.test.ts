import { type Progress, progressSchema, vmReportSchema } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { followEvents } from '../cli/follow.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
const mbps = 10;
let story: Story;
beforeAll(async () => {
  story = await Story.begin();
});
afterAll(async () => {
  await story?.control('/latency?datastore=fast-ds&ms=1');
  await story?.end();
});

/** What is told of the copy in so many seconds, with the time since the first of it. */
async function heard(migration: string, seconds: number): Promise<(Progress & { ms: number })[]> {
  const found: (Progress & { ms: number })[] = [];
  let first: number | undefined;
  const signal = AbortSignal.timeout(120_000);
  for await (const { event, data } of followEvents(story.api, { query: { migration, progress: '1' }, signal })) {
    if (event !== 'progress') continue;
    const value = progressSchema.parse(JSON.parse(data));
    if (value.step !== 'copy') continue;
    first ??= Date.now();
    found.push({ ...value, ms: Date.now() - first });
    if (Date.now() - first > seconds * 1000) break;
  }
  return found;
}

/** Of the disk, bytes a millisecond. */
const speed = (values: { doneBytes: number; ms: number }[]) => {
  const [first, last] = [values[0]!, values.at(-1)!];
  return (last.doneBytes - first.doneBytes) / (last.ms - first.ms);
};

test('throttle - a limit holds from the first byte, a slow datastore halves it, and both are lifted while the copy runs; the report tells it all', async () => {
  const defaults = { targetPower: 'off' };
  await story.plan('throttled', [{ name: 'big-01', targetName: 'throttled-01' }], { defaults });
  const migration = await story.start('throttled');
  const throttle = (value: number | null) =>
    story.api.send('POST', ['migrations', migration, 'vms', 'big-01', 'throttle'], z.any(), { body: { mbps: value } });
  expect((await throttle(mbps)).vms[0]).toMatchObject({ throttleMBps: mbps });
  const values = await heard(migration, 6);
  const { bytesPerSecond, basis, etaSeconds, ms } = values.at(-1)!;
  // Told every half second: what passed before the first is not in it.
  expect(bytesPerSecond).toBeLessThanOrEqual(mbps * 1e6 * 1.1);
  expect(bytesPerSecond).toBeGreaterThan(mbps * 1e6 * 0.7);
  expect([basis, etaSeconds === null]).toEqual(['rate', false]);
  expect(values[0]?.basis).toBe('unknown');
  const left = (values.at(-1)!.totalBytes - values.at(-1)!.doneBytes) / (mbps * 1e6);
  expect(left).toBeGreaterThan(5);
  expect(ms).toBeGreaterThan(5_000);
  const datastore = (ms: number) => story.control(`/latency?datastore=fast-ds&ms=${ms}`);
  await datastore(90);
  const paced = async () => (await story.status(migration)).vms[0]?.paced;
  await story.eventually(async () => (await paced()) !== undefined, 30);
  await datastore(1);
  expect(await paced()).toMatch(/^to [56] MB\/s: fast-ds takes 90 ms to answer, more than the 40 ms that it may$/);
  // Once the workbench has looked.
  const slow = (await heard(migration, 5)).filter((each) => each.ms > 2_000);
  expect(speed(slow)).toBeLessThan(speed(values) * 0.75);
  await story.eventually(async () => (await paced()) === undefined);
  const { doneBytes } = (await heard(migration, 0)).at(-1)!;
  await throttle(null);
  const { state, vms } = await story.finished(migration);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  const told = await story.timeline(migration);
  expect(told.filter(({ type }) => type === 'vm.throttled')).toHaveLength(2);
  expect(told.filter(({ type }) => type === 'vm.paced').map(({ data }) => data.mbps)).toEqual([
    expect.any(Number),
    null,
  ]);
  // One pass, never begun again, and quicker to its end than at the limit; of what is filled every other MiB is a hole.
  const report = await story.api.get(['migrations', migration, 'vms', 'big-01', 'report'], vmReportSchema);
  expect(report.passes).toHaveLength(1);
  expect(report.failures).toEqual([]);
  const at = (type: string) => Date.parse(told.findLast((each) => each.type === type)!.time);
  const rest = (report.readBytes - doneBytes / 2) / (mbps * 1e3);
  expect(at('vm.pass-finished') - at('vm.throttled')).toBeLessThan(rest);
  expect(report.downtime).toBeNull();
  const moved = await digest(await claimFile('apps', 'throttled-01-disk-0'), gib);
  expect(moved).toBe(await digest(sourceFile('fast-ds', 'big-01', 0), gib));
});
