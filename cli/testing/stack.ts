import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { natsAuthorization } from '@tranship/contracts';
import { labPrograms } from '../../lab/setup/go.ts';
import type { LogFacts } from '../../lab/testing/log.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const roles = ['viewer', 'operator', 'admin'] as const;
const password = 'secret';

/** A nats-server, a gateway and whatever other services a test wants, as processes on loopback ports of their own. */
export class Stack {
  readonly dir = mkdtempSync(join(tmpdir(), 'tranship-stack-'));
  readonly #children = new Map<string, ChildProcess>();
  #natsPort = 0;
  /** Of the gateway; the same after a restart. */
  server = '';

  async start(services: readonly string[]): Promise<void> {
    this.#natsPort = await freePort();
    for (const role of roles) writeFileSync(this.tokenFile(role), `${role}-token\n`, { mode: 0o600 });
    const digest = (token: string) => createHash('sha256').update(token).digest('hex');
    const known = Object.fromEntries(roles.map((role) => [digest(`${role}-token`), { name: role, role }]));
    writeFileSync(join(this.dir, 'tokens.json'), JSON.stringify(known));
    writeFileSync(this.log.passwordFile, password);
    await this.startNats();
    await this.startService('gateway', await freePort());
    for (const name of services) await this.startService(name);
  }

  /** Where its log is written. */
  get log(): LogFacts {
    return { url: `nats://127.0.0.1:${this.#natsPort}`, passwordFile: join(this.dir, 'nats.password') };
  }

  tokenFile(role: (typeof roles)[number]): string {
    return join(this.dir, `${role}.token`);
  }

  async startNats(): Promise<void> {
    const config = {
      listen: `127.0.0.1:${this.#natsPort}`,
      jetstream: { store_dir: join(this.dir, 'nats') },
      authorization: natsAuthorization(() => password),
    };
    const file = join(this.dir, 'nats.conf');
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    await this.#spawn('nats', join(await labPrograms(), 'lab'), ['nats', '-c', file], {}, /Server is ready/);
  }

  /** `more`: settings of its own. */
  async startService(name: string, port?: number, more: Record<string, string> = {}): Promise<void> {
    if (port !== undefined) this.server = `http://127.0.0.1:${port}`;
    const env = {
      TRANSHIP_NATS_URL: this.log.url,
      TRANSHIP_NATS_USER: name,
      TRANSHIP_NATS_PASSWORD_FILE: this.log.passwordFile,
      ...(name === 'gateway'
        ? {
            TRANSHIP_LISTEN_PORT: new URL(this.server).port,
            TRANSHIP_TOKENS_FILE: join(this.dir, 'tokens.json'),
          }
        : {}),
      ...more,
    };
    await this.#spawn(name, process.execPath, [join(root, `services/${name}/main.ts`)], env, /"msg":"ready"/);
  }

  /** Ends one process as a crash does. */
  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    for (const name of [...this.#children.keys()].reverse()) await this.kill(name);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #spawn(name: string, program: string, args: string[], env: Record<string, string>, ready: RegExp): Promise<void> {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.set(name, child);
    const said: string[] = [];
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${name}: ${why}\n${said.slice(-10).join('\n')}`));
      const timer = setTimeout(() => fail('not ready within 30 s'), 30_000);
      const line = (text: string) => {
        said.push(text);
        if (!ready.test(text)) return;
        clearTimeout(timer);
        resolve();
      };
      createInterface(child.stdout).on('line', line);
      createInterface(child.stderr).on('line', line);
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`));
    });
  }
}

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line as a person does. */
export function tranship(
  args: readonly string[],
  options: { env?: Record<string, string>; input?: string; onOut?: (out: string, end: () => void) => void } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', NODE_NO_WARNINGS: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
    options.onOut?.(out, () => child.kill());
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

/** The same at a terminal, which `script` makes: all that it shows. */
export function onTerminal(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const line = [process.execPath, join(root, 'cli/main.ts'), ...args].map((each) => `'${each}'`).join(' ');
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', NODE_NO_WARNINGS: '1', TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 60_000,
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(out));
  });
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    }),
  );
}
