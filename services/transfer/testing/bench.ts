import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Bus } from '@tranship/bus';
import type { Connection, Grade, PassDisk, Progress, StepInput } from '@tranship/contracts';
import { createLogger, type StepContext, systemClock } from '@tranship/service-kit';
import { startVCenter, type VCenter } from '../../../lab/testing/vcenter.ts';
import { NatsServer } from '../../../libs/bus/testing/nats-server.ts';
import { storedAreas } from '../adapters/areas.ts';
import { ledgers } from '../adapters/ledgers.ts';
import { anySource } from '../adapters/source.ts';
import { volumes } from '../adapters/volumes.ts';
import { configSchema } from '../config.ts';
import { copy } from '../handlers/copy.ts';
import { prove } from '../handlers/prove.ts';
import type { Ports } from '../ports.ts';

const plugin = fileURLToPath(new URL('../../../lab/nbdkit-vddk', import.meta.url));
export const mib = 1024 * 1024;

interface Listed {
  readonly vm: string;
  readonly id: string;
  readonly file: string;
  /** Where its bytes lie on this machine. */
  readonly path: string;
  readonly key: number;
  readonly capacity: number;
  readonly snapshot?: string;
}

export interface Lease {
  readonly VM: string;
  readonly Of: 'ExportVm' | 'ExportSnapshot';
  readonly How: 'open' | 'complete' | 'abort' | 'timeout';
  /** As they were told, in their order. */
  readonly Percents: readonly number[] | null;
  readonly Gets: number;
}

/** Another pass than a first one; `disk`: of every disk. `areas` is the list itself, as no object store is there. */
export interface Pass {
  readonly pass?: number;
  readonly audit?: number;
  readonly snapshot?: string;
  readonly grade?: Grade;
  readonly reread?: boolean;
  readonly method?: Connection['method'];
  /** nbdkit's, in the bench's folder. */
  readonly plugin?: string;
  readonly disk?: Partial<Pick<PassDisk, 'how' | 'key' | 'file' | 'areas' | 'since' | 'changeId' | 'kept' | 'claim'>>;
}

/** A workbench without a cluster: the handlers as they are, nbdkit with the lab's plugin, a vCenter, NATS; folders stand for volumes. */
export class Bench {
  readonly dir = mkdtempSync(join(tmpdir(), 'tranship-bench-'));
  readonly vcenter: VCenter;
  readonly progress: Omit<Progress, 'migration' | 'vm'>[] = [];
  /** Offsets that were read from the source. */
  readonly reads: number[] = [];
  /** Times that it was said that bytes were moved. */
  moves = 0;
  /** What the planner says; bytes a second. */
  limit: number | null = null;
  readonly bus: Bus;
  readonly owner = { migration: 'm', vm: 'v' };
  readonly #nats: NatsServer;
  #listed: readonly Listed[] = [];

  private constructor(vcenter: VCenter, nats: NatsServer, bus: Bus) {
    this.vcenter = vcenter;
    [this.#nats, this.bus] = [nats, bus];
    execFileSync('make', ['-C', plugin, `OUT=${this.dir}`], { stdio: 'pipe' });
    mkdirSync(join(this.dir, 'credentials/vc'), { recursive: true });
    this.renew();
  }

  static async start(spec: object): Promise<Bench> {
    const vcenter = await startVCenter(spec);
    const nats = await NatsServer.start();
    const { url, user, passwordFile } = nats;
    const bus = await Bus.open({ url, user, passwordFile, name: 'transfer' });
    const bench = new Bench(vcenter, nats, bus);
    await bench.look();
    return bench;
  }

  /** Where the disks lie now, and how large they are. */
  async look(): Promise<void> {
    const all = (await (await fetch(`${this.vcenter.control}/disks`)).json()) as Listed[];
    this.#listed = all.filter(({ snapshot }) => snapshot === undefined);
  }

  /** Empty volumes, the right password, a source at full speed. */
  renew(): void {
    for (const each of ['disks', 'devices', 'scratch']) rmSync(join(this.dir, each), { recursive: true, force: true });
    for (let i = 0; i < 60; i++) mkdirSync(join(this.dir, `disks/${i}`), { recursive: true });
    for (const each of ['devices', 'scratch']) mkdirSync(join(this.dir, each), { recursive: true });
    this.progress.length = 0;
    this.reads.length = 0;
    this.limit = null;
    this.moves = 0;
    const { username, password } = this.vcenter;
    for (const [name, text] of Object.entries({ username, password })) writeFileSync(this.credential(name), text);
  }

  credential = (name: string): string => join(this.dir, 'credentials/vc', name);
  target = (index = 0): string => join(this.dir, `disks/${index}/disk.img`);
  /** Where one is linked to, the disk goes onto it. */
  device = (index = 0): string => join(this.dir, `devices/${index}`);
  log = (index = 0): string => join(this.dir, `scratch/disk-${index}.pass`);
  id = (vm: string): string => this.#of(vm)[0]!.id;
  key = (vm: string, index = 0): number => this.#of(vm)[index]!.key;
  size = (vm: string, index = 0): number => this.#of(vm)[index]!.capacity;
  source = (vm: string, index = 0): string => this.#of(vm)[index]!.path;

  /** How long the source takes for each read, and for each grain of an export. */
  async slow(ms: number, grainMs = 0): Promise<void> {
    const body = JSON.stringify({ VixDiskLib_Read: ms, NfcRead: grainMs });
    await fetch(`${this.vcenter.control}/delays`, { method: 'POST', body });
  }

  /** All export leases since the start. */
  async leases(): Promise<Lease[]> {
    return (await (await fetch(`${this.vcenter.control}/exports`)).json()) as Lease[];
  }

  /** What happens behind the API's back. */
  async tell(path: string, body?: object, method = 'POST'): Promise<void> {
    const more = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${this.vcenter.control}${path}`, { method, ...more });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }

  /** Opens a VM's first disk as a copy would, but once: `connection` and `plugin` as they are wrong. */
  open(vm: string, connection: Partial<Connection> = {}, plugin?: string) {
    const input = this.#input(vm);
    const { key, file, how } = input.disks[0]!;
    const request = { vm: input.vm, key, file, how, connection: { ...input.connection, ...connection } };
    return this.#ports(plugin).openSource(request, new AbortController().signal);
  }

  copy(vm: string, signal = new AbortController().signal, pass: Pass = {}) {
    const { disk, plugin, method = 'vddk', ...more } = pass;
    const input = { ...this.#input(vm), ...more };
    const disks = input.disks.map((each) => ({ ...each, ...disk }));
    const connection = { ...input.connection, method };
    return copy(this.#ports(plugin), { ...input, connection, disks }, this.#context(signal));
  }

  prove(vm: string, pass = 1, more: { keep?: boolean; grade?: Grade } = {}) {
    const input = { ...this.#input(vm), keep: false, pass, ...more };
    return prove(this.#ports(), input, this.#context(new AbortController().signal));
  }

  /** The nbdkits of this bench that run now, by their arguments. */
  nbdkits(): { pid: number; args: string[]; env: string }[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        if (!args[0]?.endsWith('nbdkit') || !args.some((each) => each.startsWith(this.dir))) return [];
        return [{ pid: Number(name), args, env: readFileSync(`/proc/${name}/environ`, 'utf8') }];
      } catch {
        return []; // it ended in the meantime
      }
    });
  }

  async stop(): Promise<void> {
    await this.bus.close();
    await Promise.all([this.vcenter.stop(), this.#nats.remove()]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #of = (vm: string) => this.#listed.filter((each) => each.vm === vm);

  #ports(plugin = 'nbdkit-vddk-plugin.so'): Ports {
    const config = configSchema.parse({
      migration: 'm',
      vm: 'v',
      disksDir: join(this.dir, 'disks'),
      devicesDir: join(this.dir, 'devices'),
      scratchDir: join(this.dir, 'scratch'),
      credentialsDir: join(this.dir, 'credentials'),
      vddkPlugin: join(this.dir, plugin),
    });
    const open = anySource(config, systemClock);
    const noted = (offset: number, target: Buffer, read: (target: Buffer) => Promise<void>) => {
      this.reads.push(offset);
      return read(target);
    };
    const openSource: Ports['openSource'] = async (request, signal) => {
      const source = await open(request, signal);
      if (!('pieces' in source))
        return { ...source, read: (offset, target) => noted(offset, target, (into) => source.read(offset, into)) };
      const given = source.pieces;
      async function* pieces() {
        for await (const each of given())
          yield { ...each, read: (target: Buffer) => noted(each.offset, target, each.read) };
      }
      return { ...source, pieces };
    };
    const areas = storedAreas({ get: async (name) => Buffer.from(name) });
    return {
      ...{ volumes: volumes(config), openSource, areas, limit: async () => this.limit },
      ledgers: ledgers(this.bus.objects, this.owner),
    };
  }

  #input(vm: string): StepInput<'copy'> {
    const { url, thumbprint } = this.vcenter;
    const disks = this.#of(vm).map(
      ({ key, file, capacity }, index): PassDisk => ({
        how: 'full',
        index,
        key,
        file,
        sizeBytes: capacity,
        storageClass: 'fast',
        ...(existsSync(this.device(index)) ? { volumeMode: 'Block', discard: true } : { volumeMode: 'Filesystem' }),
        accessMode: 'ReadWriteOnce',
        bus: 'virtio',
      }),
    );
    const connection = { provider: 'vc', url, thumbprint, secret: 'vc', method: 'vddk' } as const;
    return {
      migration: 'm',
      vm: this.#of(vm)[0]!.id,
      workbench: 'w',
      connection,
      disks,
      pass: 1,
      audit: 0,
      sessions: 4,
      grade: 'standard',
      reread: false,
    };
  }

  #context(signal: AbortSignal): StepContext {
    return {
      ids: { migration: 'm', vm: 'v', step: 'copy', attempt: 1 },
      signal,
      log: createLogger('transfer', 'silent'),
      clock: systemClock,
      begun: false,
      progress: (value) => this.progress.push(value),
      moved: () => void this.moves++,
    };
  }
}

/** As another program sees the bytes. */
export const sha256 = (file: string): string => execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64);

export async function until(what: string, ask: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!ask()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(5);
  }
}

/** What it ends in, where that is an error. */
export const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
