import { check, close, quick, sum, type Tally } from './checks.ts';
import { runTests } from './vitest.ts';

// npm test [-- FILTER]: everything. A filter runs the tests whose file it names, and nothing else.
const filter = process.argv.slice(2);
const tallies: Tally[] = [];
if (filter.length === 0) for (const [title, program, args] of quick) tallies.push(await check(title, program, args));
for (const project of ['unit', 'integration', 'e2e']) tallies.push(await runTests(project, filter));
close(sum(tallies));
