import { fileURLToPath } from 'node:url';
import { setUp } from '../lab/host/set-up.ts';
import { check, close, quick, sum, type Tally } from './checks.ts';
import { runTests } from './vitest.ts';

// npm test [-- FILTER]: everything. A filter runs the tests whose file it names, and nothing else.
const filter = process.argv.slice(2);
const tallies: Tally[] = [];
if (filter.length === 0) for (const [title, program, args] of quick) tallies.push(await check(title, program, args));
// Once, before the tests: packages, programs, images and guests.
const ready = await prepared();
tallies.push({ passed: 0, failed: ready ? 0 : 1, skipped: 0 });
if (ready) for (const projects of [['unit', 'integration'], ['e2e']]) tallies.push(await runTests(projects, filter));
close(sum(tallies));

async function prepared(): Promise<boolean> {
  console.log('\n— set-up of the lab');
  try {
    await setUp(fileURLToPath(new URL('../e2e/world.yaml', import.meta.url)));
    return true;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}
