import { check, close, quick, sum, type Tally } from './checks.ts';
import { runTests } from './vitest.ts';

// npm run verify: the quick half of the gate.
const tallies: Tally[] = [];
for (const [title, program, args] of quick) tallies.push(await check(title, program, args));
tallies.push(await runTests(['unit'], process.argv.slice(2)));
close(sum(tallies));
