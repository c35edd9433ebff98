import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Api, terminal, watchMigration } from '../cli/index.ts';
import { down } from '../lab/host/down.ts';
import { up } from '../lab/host/up.ts';
import { Product } from '../lab/product.ts';
import { runningLab } from '../lab/state.ts';
import { addProvider, movePlan, startMigration, wholePlan } from './demo/acts.ts';
import { waitForGuest } from './demo/guest.ts';
import { exitCode, jsonLine } from './demo/result.ts';
import { readyOf, report, tellConcerns } from './demo/tell.ts';

// npm run demo [-- --world F --warm --keep --json]: a vSphere and a KubeVirt on this machine, and VMs that move between them.
const { values: flags } = parseArgs({
  options: {
    world: { type: 'string' },
    warm: { type: 'boolean' },
    keep: { type: 'boolean' },
    json: { type: 'boolean' },
  },
});
const world = flags.world ?? fileURLToPath(new URL('../lab/world/demo.yaml', import.meta.url));
const screen = terminal({ color: true, quiet: false });
// With --json the result alone goes to standard output.
const shown = flags.json ? { ...screen, out: screen.note, screen: undefined } : screen;
const say = (line = '') => shown.out(line);
const kind = flags.warm ? 'warm' : 'cold';
const began = Date.now();
/** From here on the lab is ours to end; one that was there before is not. */
let begun = false;
let product: Product | undefined;
let ending: Promise<void> | undefined;
const interrupted = new AbortController();

/** Nothing stays behind, however the demo ends. */
function end(): Promise<void> {
  interrupted.abort(new Error('interrupted'));
  ending ??= (async () => {
    await product?.stop();
    if (begun) await down();
  })();
  return ending;
}
// On, not once: whoever presses Ctrl-C again must not end the clean-up.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (!ending) say('\nstopping; everything that the demo made goes with it …');
    void end().finally(() => process.exit(130));
  });

async function demo(): Promise<void> {
  say('1. The lab: a vCenter with running guests, NATS JetStream, and a Kubernetes with KubeVirt, made of real parts.');
  if (runningLab()) throw new Error('a lab is running already: `npx node lab/main.ts down` ends it');
  begun = true;
  const lab = await up({ world, signal: interrupted.signal, onProgress: (line) => say(`   ${line}`) });
  say('2. Tranship: gateway, planner, inventory and vm-builder start; transfer and converter will run in workbenches.');
  product = await Product.start(lab, { planner: 2, 'vm-builder': 2 });
  const api = new Api({ server: product.url, token: readFileSync(product.tokenFile, 'utf8') });
  say('3. The provider: vCenter is added with its certificate pinned, and its inventory followed live.');
  const vms = await addProvider(api, lab);
  say(`   ${vms.length} VMs are known.`);
  say('4. Validation: all of them in one plan, before anything is touched.');
  const validation = await wholePlan(api, vms);
  tellConcerns(validation, say);
  const moving = flags.world === undefined ? ['web-01', 'db-01', 'files-01'] : readyOf(validation);
  if (moving.length === 0) throw new Error(`no VM of ${world} can move; its critical concerns say why`);
  say(`5. The migration: ${moving.join(', ')} move, ${kind}.`);
  const before = await waitForGuest(api, lab, say);
  await movePlan(api, moving, kind);
  const migration = await startMigration(api);
  const end = await watchMigration(api, migration, shown, false);
  const { vms: moved, answered } = await report(api, end, lab, before, say);
  const seconds = Math.round((Date.now() - began) / 1000);
  if (flags.json) console.log(jsonLine({ migration, vms: moved, seconds }));
  process.exitCode = exitCode(moved, answered);
  if (flags.keep) {
    say(`\nEverything is left running. export TRANSHIP_SERVER=${product.url} TRANSHIP_TOKEN_FILE=${product.tokenFile}`);
    say(`export KUBECONFIG=${lab.kubeconfig}   (ends with Ctrl-C)`);
    await new Promise(() => setInterval(() => {}, 60_000));
  }
}

try {
  await demo();
} catch (error) {
  // What fails once it is being ended is no news.
  if (!ending) console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await end();
}
process.exit();
