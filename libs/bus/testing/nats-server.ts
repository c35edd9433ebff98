import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const goSetup = new URL('../../../lab/setup/go.ts', import.meta.url).href;

/** The lab's program, which holds a nats-server; a child finds it because libraries know nothing of the lab. */
function program(): string {
  const script = `import { labPrograms } from ${JSON.stringify(goSetup)}; console.log(await labPrograms());`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    encoding: 'utf8',
    timeout: 600_000,
  });
  return join(out.trim().split('\n').at(-1)!, 'lab');
}

/** Of its configuration. */
type More = { readonly jetstream?: object; readonly [name: string]: unknown };

/** A real nats-server of one's own, with JetStream, on a free loopback port. */
export class NatsServer {
  readonly dir = mkdtempSync(join(tmpdir(), 'tranship-nats-'));
  readonly user = 'tranship';
  readonly passwordFile = join(this.dir, 'password');
  readonly port: number;
  readonly #more: More;
  readonly #program = program();
  #child: ChildProcess | undefined;

  private constructor(port: number, more: More) {
    this.port = port;
    this.#more = more;
  }

  /** `more`: of its configuration, in the place of one user with all rights. */
  static async start(more: More = {}): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), more);
    await server.up();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it (again): the same port, the same store. */
  async up(password = 'secret'): Promise<void> {
    writeFileSync(this.passwordFile, password, { mode: 0o600 });
    const config = {
      listen: `127.0.0.1:${this.port}`,
      authorization: { users: [{ user: this.user, password }] },
      ...this.#more,
      jetstream: { store_dir: join(this.dir, 'store'), sync_interval: 'always', ...this.#more.jetstream },
    };
    const file = join(this.dir, 'nats.conf');
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    this.#child = spawn(this.#program, ['nats', '-c', file], { stdio: 'ignore' });
    for (let i = 0; i < 200; i++) {
      if (await answers(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`nats-server did not listen on ${this.port}`);
  }

  /** Ends it at once, as a crash does. */
  async down(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.down();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    }),
  );
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const say = (ok: boolean) => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('data', () => say(true));
    socket.once('error', () => say(false));
    socket.setTimeout(1_000, () => say(false));
  });
}
