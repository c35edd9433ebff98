import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { down } from './host/down.ts';
import { overview, show } from './host/overview.ts';
import { judgeKernel, judgeMachine } from './host/preflight.ts';
import { probeKernel, probeMachine } from './host/probe.ts';
import { setUp } from './host/set-up.ts';
import { up } from './host/up.ts';
import { labPrograms } from './setup/go.ts';
import { kubevirtPrograms } from './setup/kubevirt.ts';
import { runningLab, stateDir } from './state.ts';

const usage =
  'usage: lab preflight|setup|up|down|status|reset [--world FILE] [--no-cluster] [--json] | lab kubectl|virtctl ARGS...';
const [verb = '', ...rest] = process.argv.slice(2);

interface Options {
  readonly world: string;
  readonly cluster: boolean;
  readonly json: boolean;
}

/** @throws Error with what was not understood */
function options(): Options {
  const { values } = parseArgs({
    args: rest,
    options: { world: { type: 'string' }, 'no-cluster': { type: 'boolean' }, json: { type: 'boolean' } },
  });
  const world = values.world ?? fileURLToPath(new URL('world/demo.yaml', import.meta.url));
  return { world, cluster: !values['no-cluster'], json: values.json === true };
}

/** Half a lab is no use: an interrupted start leaves nothing behind. */
async function start({ world, cluster }: Options): Promise<void> {
  if (runningLab()) throw new Error('a lab is running: `lab down` ends it');
  const abort = new AbortController();
  const end = () => {
    if (abort.signal.aborted) return;
    abort.abort(new Error('interrupted'));
    void down().finally(() => process.exit(130));
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, end);
  const lab = await up({ world, cluster, signal: abort.signal, onProgress: (line) => console.log(`  ${line}`) });
  console.log(`vCenter   ${lab.vcsim.url} (${lab.vcsim.username}, password in ${lab.vcsim.passwordFile})`);
  console.log(`NATS      ${lab.nats.url}`);
  const { upSeconds, rssMB, rssWithoutGuestsMB } = overview();
  console.log(`up in     ${upSeconds} s, with ${rssMB} MB, ${rssWithoutGuestsMB} MB of them without guests`);
  if (cluster) console.log(`cluster   export KUBECONFIG=${lab.kubeconfig}`);
}

function status({ json }: Options): void {
  const now = overview();
  console.log(json ? JSON.stringify({ ...runningLab(), ...now }) : show(now));
  if (!now.running) process.exitCode = 1;
}

async function preflight({ json }: Options): Promise<void> {
  const findings = [...judgeMachine(probeMachine()), ...judgeKernel(await probeKernel(dirname(stateDir)))];
  if (json) console.log(JSON.stringify(findings));
  else
    for (const { name, ok, optional, purpose, fix } of findings)
      console.log(ok ? `✓ ${name}` : `${optional ? '-' : '✗'} ${name}: ${purpose}; ${fix}`);
  if (findings.some(({ ok, optional }) => !ok && !optional)) process.exitCode = 1;
}

/** `kubectl` and `virtctl` as the lab's administrator. */
const tools: Record<string, () => Promise<[string, ...string[]]>> = {
  kubectl: async () => [join(await labPrograms(), 'lab'), 'kubectl'],
  virtctl: async () => [join(await kubevirtPrograms(), 'virtctl')],
};

async function tool(named: [string, ...string[]]): Promise<void> {
  const lab = runningLab();
  if (!lab) throw new Error('no lab is running: `lab up`');
  const [program, ...first] = named;
  const args = [...first, '--kubeconfig', lab.kubeconfig, ...rest];
  process.exitCode = spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;
}

const verbs: Record<string, (options: Options) => unknown> = {
  preflight,
  setup: ({ world, cluster }) => setUp(world, cluster),
  up: start,
  down,
  status,
  reset: (options) => down().then(() => start(options)),
};

try {
  const act = verbs[verb];
  const named = tools[verb];
  if (named) await tool(await named());
  else if (verb === '--help' || rest.includes('--help')) console.log(usage);
  else if (act) await act(options());
  else throw new Error(usage);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = verbs[verb] ? 1 : 2;
}
