import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { down } from './host/down.ts';
import { setUp, up } from './host/up.ts';
import { labPrograms } from './setup/go.ts';
import { alive, readLab } from './state.ts';

const usage = 'usage: lab setup|up|down|status|reset [--world FILE] [--no-cluster] | lab kubectl ARGS...';
const [verb = '', ...rest] = process.argv.slice(2);
const flag = (name: string) => {
  const at = rest.indexOf(name);
  return at < 0 ? undefined : rest[at + 1];
};
const world = flag('--world') ?? fileURLToPath(new URL('world/demo.yaml', import.meta.url));
const cluster = !rest.includes('--no-cluster');

async function start(): Promise<void> {
  const lab = await up({ world, cluster, onProgress: (line) => console.log(`  ${line}`) });
  console.log(`vCenter   ${lab.vcsim.url} (${lab.vcsim.username}, password in ${lab.vcsim.passwordFile})`);
  console.log(`NATS      ${lab.nats.url}`);
  if (cluster) console.log(`cluster   export KUBECONFIG=${lab.kubeconfig}`);
}

function status(): void {
  const lab = readLab();
  const running = lab !== undefined && alive(lab.pid);
  if (rest.includes('json')) console.log(JSON.stringify({ running, ...lab }));
  else console.log(running ? `running since ${lab.started} at ${lab.address}` : 'not running');
  if (!running) process.exitCode = 1;
}

async function kubectl(): Promise<void> {
  const lab = readLab();
  if (!lab) throw new Error('no lab is running: `lab up`');
  execFileSync(join(await labPrograms(), 'lab'), ['kubectl', '--kubeconfig', lab.kubeconfig, ...rest], {
    stdio: 'inherit',
  });
}

const verbs: Record<string, () => unknown> = {
  setup: () => setUp(world, cluster),
  up: start,
  down,
  status,
  reset: () => down().then(start),
  kubectl,
};

try {
  const act = verbs[verb];
  if (!act) throw new Error(usage);
  await act();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = verbs[verb] ? 1 : 2;
}
