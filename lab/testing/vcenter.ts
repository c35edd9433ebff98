import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePki } from '../cluster/pki.ts';
import { Part } from '../node/part.ts';
import { vcenterUser, vcsim } from '../node/vsphere.ts';
import { labPrograms } from '../setup/go.ts';
import { worldSchema } from '../world/schema.ts';

/** What a test needs of a vCenter, as plain data: it can be handed to another process. */
export interface VCenterFacts {
  readonly url: string;
  /** The authority of its certificate (PEM). */
  readonly ca: string;
  /** SHA-1, `AA:BB:…`. */
  readonly thumbprint: string;
  readonly username: string;
  readonly password: string;
  /** The simulator's own port, for what happens behind the API's back. */
  readonly control: string;
  /** A folder that goes with it; `pki` holds the certificates. */
  readonly dir: string;
}

/** A real vcsim with a world of its own, on loopback ports of its own. */
export interface VCenter extends VCenterFacts {
  stop(): Promise<void>;
}

/** `spec`: as in a world file. */
export async function startVCenter(spec: object): Promise<VCenter> {
  const bin = await labPrograms();
  const dir = mkdtempSync(join(tmpdir(), 'tranship-vcenter-'));
  for (const name of ['pki', 'log']) mkdirSync(join(dir, name));
  const address = '127.0.0.1';
  const password = crypto.randomUUID();
  let part: Part | undefined;
  const stop = async () => {
    await part?.stop(500); // nothing of it is kept
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await makePki(join(dir, 'pki'), address);
    const [listen, control] = (await freePorts(2)).map((port) => `${address}:${port}`) as [string, string];
    const world = worldSchema.parse({ kind: 'World', spec });
    part = new Part(await vcsim({ dir, address, bin }, world, password, { listen, control }), join(dir, 'log'));
    await part.start();
    const pem = (name: string) => readFileSync(join(dir, 'pki', `${name}.crt`), 'utf8');
    return {
      url: `https://${listen}/sdk`,
      ca: pem('ca'),
      thumbprint: new X509Certificate(pem('vcenter')).fingerprint,
      username: vcenterUser,
      password,
      control: `http://${control}`,
      dir,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
