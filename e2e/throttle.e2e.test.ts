import { type Progress, progressSchema, vmReportSchema } from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { followEvents } from '../cli/follow.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { Story } from './story.ts';

const gib = 1024 ** 3;
const mbps = 20;
let story: Story;
beforeAll(async () => {
  story = await Story.begin();
});
afterAll(() => story?.end());

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

test('throttle - a limit holds from the first byte, is lifted while the copy runs, and the report tells it all', async () => {
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
  await throttle(null);
  const { state, vms } = await story.finished(migration);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  expect((await story.types(migration)).filter((type) => type === 'vm.throttled')).toHaveLength(2);
  // One pass, never begun again, and quicker than at the limit.
  const report = await story.api.get(['migrations', migration, 'vms', 'big-01', 'report'], vmReportSchema);
  expect(report.passes).toHaveLength(1);
  expect(report.failures).toEqual([]);
  expect(report.passes[0]!.seconds).toBeLessThan(report.readBytes / (mbps * 1e6));
  expect(report.downtime).toBeNull();
  const moved = await digest(await claimFile('apps', 'throttled-01-disk-0'), gib);
  expect(moved).toBe(await digest(sourceFile('fast-ds', 'big-01', 0), gib));
});
