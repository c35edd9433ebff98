import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Line } from './drive.ts';
import { input, kinds, prepareKinds } from './index.ts';
import { isRefusal } from './kinds/expected.ts';

/**
 * `node runner.ts FROM COUNT`: the inputs of so many seeds, one after the other, in this one process, whose memory is told at
 * the end. A line of JSON before each, and one for each that got no good answer.
 */
const [from, count] = process.argv.slice(2).map(Number) as [number, number];
const say = (line: Line) => writeSync(1, `${JSON.stringify(line)}\n`);

const folder = mkdtempSync(join(tmpdir(), 'tranship-hostile-'));
try {
  await prepareKinds(folder);
  const place = join(folder, 'input');
  for (let seed = from; seed < from + count; seed++) {
    const { kind, random } = input(seed);
    mkdirSync(place);
    say({ seed, kind });
    const began = performance.now();
    try {
      await kinds[kind].run(random, { folder: place, signal: AbortSignal.timeout(600_000) });
    } catch (error) {
      if (!isRefusal(error))
        say({ seed, kind, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    say({ seed, kind, ms: performance.now() - began });
    const strange = readdirSync(folder).filter((name) => name !== 'input' && !(name in kinds));
    if (strange.length > 0) say({ seed, kind, error: `written outside its folder: ${strange.join(', ')}` });
    rmSync(place, { recursive: true, force: true });
  }
  say({ peakBytes: process.resourceUsage().maxRSS * 1024 });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
