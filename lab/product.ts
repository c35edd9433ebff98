import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vmBuilderAccess } from './host/access.ts';
import { asInImage } from './setup/cache.ts';
import { type Lab, stateDir } from './state.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const node = join(repository, 'node_modules/node/bin/node');
const readyMs = 60_000;
const stopMs = 15_000;

export const serviceNames = ['vm-builder', 'inventory', 'planner', 'gateway'] as const;
export type Name = (typeof serviceNames)[number];
/** Of services, by the names of the environment. */
type Settings = Partial<Record<Name, Record<string, string>>>;

interface Process {
  readonly name: Name;
  readonly child: ChildProcess;
  readonly port: number;
}

/** Tranship's own services as processes against a lab; transfer and converter run in the workbenches. */
export class Product {
  readonly url: string;
  readonly tokenFile: string;
  readonly #lab: Lab;
  readonly #dir: string;
  readonly #gatewayPort: number;
  readonly #kubeconfig: string;
  readonly #more: Settings;
  readonly #running = new Set<Process>();

  private constructor(lab: Lab, dir: string, gatewayPort: number, kubeconfig: string, more: Settings) {
    this.#more = more;
    this.#lab = lab;
    this.#dir = dir;
    this.#gatewayPort = gatewayPort;
    this.#kubeconfig = kubeconfig;
    this.url = `http://127.0.0.1:${gatewayPort}`;
    this.tokenFile = join(dir, 'admin.token');
  }

  /** Starts all six; `replicas` of those that are named run more than once, `more` are settings of theirs. */
  static async start(lab: Lab, replicas: Partial<Record<Name, number>> = {}, more: Settings = {}): Promise<Product> {
    const dir = join(stateDir, 'tranship');
    mkdirSync(join(dir, 'log'), { recursive: true });
    const product = new Product(lab, dir, await freePort(), await vmBuilderAccess(lab), more);
    const token = randomBytes(24).toString('base64url');
    writeFileSync(product.tokenFile, token, { mode: 0o600 });
    const digest = createHash('sha256').update(token).digest('hex');
    writeFileSync(join(dir, 'tokens.json'), JSON.stringify({ [digest]: { name: 'admin', role: 'admin' } }), {
      mode: 0o600,
    });
    try {
      const each = serviceNames.flatMap((name) => Array(replicas[name] ?? 1).fill(name) as Name[]);
      // All of them have begun before one that failed ends them.
      for (const begun of await Promise.allSettled(each.map((name) => product.run(name))))
        if (begun.status === 'rejected') throw begun.reason;
    } catch (error) {
      await product.stop();
      throw error;
    }
    return product;
  }

  /** Starts one more replica and waits until it is ready. */
  async run(name: Name): Promise<void> {
    const port = await freePort();
    const log = openSync(join(this.#dir, `log/${name}.log`), 'a');
    // It ends with whoever started it, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', node, join(repository, `services/${name}/main.ts`)], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH, ...asInImage, ...this.#settings(name, port), ...this.#more[name] },
    });
    closeSync(log);
    const started = { name, child, port };
    this.#running.add(started);
    child.once('exit', () => this.#running.delete(started));
    const end = Date.now() + readyMs;
    while (child.exitCode === null && child.signalCode === null && Date.now() < end) {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    const said = readFileSync(join(this.#dir, `log/${name}.log`), 'utf8')
      .trim()
      .split('\n')
      .at(-1);
    throw new Error(`${name} is not ready: ${said}`);
  }

  /** Ends every replica of a service at once, as a crash would. */
  async kill(name: Name): Promise<void> {
    await this.#end(name, 'SIGKILL');
  }

  async restart(name: Name): Promise<void> {
    const replicas = [...this.#running].filter((each) => each.name === name).length;
    await this.#end(name, 'SIGTERM');
    await Promise.all(Array.from({ length: replicas }, () => this.run(name)));
  }

  async stop(): Promise<void> {
    for (const name of [...serviceNames].reverse()) await this.#end(name, 'SIGTERM');
  }

  async #end(name: Name, signal: NodeJS.Signals): Promise<void> {
    const chosen = [...this.#running].filter((each) => each.name === name);
    await Promise.all(
      chosen.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill(signal);
        const hard = setTimeout(() => child.kill('SIGKILL'), stopMs);
        await ended;
        clearTimeout(hard);
      }),
    );
  }

  #settings(name: Name, port: number): Record<string, string> {
    const { nats } = this.#lab;
    const base = {
      TRANSHIP_NATS_URL: nats.url,
      TRANSHIP_NATS_USER: name,
      TRANSHIP_NATS_PASSWORD_FILE: join(nats.passwords, name),
      TRANSHIP_HTTP_PORT: String(port),
    };
    if (name === 'gateway')
      return {
        ...base,
        TRANSHIP_LISTEN_PORT: String(this.#gatewayPort),
        TRANSHIP_TOKENS_FILE: join(this.#dir, 'tokens.json'),
      };
    if (name === 'vm-builder')
      return {
        ...base,
        TRANSHIP_KUBECONFIG: this.#kubeconfig,
        TRANSHIP_WORKBENCH_IMAGE: 'lab.local/tranship:1',
        TRANSHIP_PREPARE_SECONDS: '20',
        // KVM that is there cannot boot every guest here: see docs/limits.md.
        TRANSHIP_REHEARSAL_KVM: 'never',
        TRANSHIP_WORKBENCH_NATS_URL: nats.url,
      };
    return base;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
