import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './checks.ts';

/** A small tree with one breach of each rule: a rule that cannot fail holds nothing. */
const files = {
  'services/one/domain/pure.ts':
    "import 'node:crypto';\nimport 'node:zlib';\nimport 'yaml';\nimport '../../../libs/contracts/index.ts';\n",
  'services/one/domain/reads.ts': "import 'node:fs';\n",
  'services/one/domain/packaged.ts': "import 'pino';\n",
  'services/one/main.ts': "import '../two/main.ts';\nimport '@nats-io/transport-node';\n",
  'services/two/main.ts': "import 'soap';\nimport '@kubernetes/client-node';\n",
  'libs/contracts/index.ts': 'export {};\n',
  'libs/bus/bus.ts': "import '@nats-io/transport-node';\n",
  'libs/bus/knows.ts': "import '../../services/two/main.ts';\n",
  'cli/main.ts': "import '../libs/bus/bus.ts';\n",
  'lab/a.ts': "import './b.ts';\n",
  'lab/b.ts': "import './a.ts';\n",
};
const dir = mkdtempSync(join(tmpdir(), 'tranship-rules-'));

beforeAll(() => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  cpSync(join(root, '.dependency-cruiser.mjs'), join(dir, '.dependency-cruiser.mjs'));
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('import rules - each finds its breach, and nothing that is allowed', () => {
  const args = ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'libs', 'services', 'cli', 'lab'];
  const program = join(root, 'node_modules/.bin/depcruise');
  const { stdout } = spawnSync(program, args, {
    cwd: dir,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
    timeout: 50_000,
  });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string }; from: string }[] } };
  expect(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`).sort()).toEqual([
    'cli-knows-the-api-alone: cli/main.ts',
    'domain-is-pure: services/one/domain/packaged.ts',
    'domain-is-pure: services/one/domain/reads.ts',
    'kubernetes-only-in-kube-and-lab: services/two/main.ts',
    'libs-know-no-service: libs/bus/knows.ts',
    'nats-only-in-bus: services/one/main.ts',
    'no-cycles: lab/a.ts',
    'services-speak-in-messages: services/one/main.ts',
    'soap-only-in-vsphere: services/two/main.ts',
  ]);
});
