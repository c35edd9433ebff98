import '../bench/lab-dir.ts';
import { parseArgs } from 'node:util';
import { benches } from '../bench/index.ts';
import { setUp } from '../bench/tools.ts';

// npm run bench [-- NAME …] [--rounds N]: one line of JSON for each.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' } },
});
const unknown = positionals.filter((name) => !(name in benches));
const rounds = Number(values.rounds);
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`npm run bench [-- NAME …] [--rounds N], NAME of: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
await setUp();
for (const [name, bench] of Object.entries(benches))
  if (positionals.length === 0 || positionals.includes(name)) console.log(JSON.stringify(await bench(rounds)));
