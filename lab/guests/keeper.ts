import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../setup/shell.ts';
import type { World, WorldVm } from '../world/schema.ts';
import { freshVariables, vmwareHardware } from './qemu.ts';
import { qmp } from './qmp.ts';

interface Guest {
  readonly process: ChildProcess;
  readonly monitor: string;
  readonly ended: Promise<void>;
}

const shutdownMs = 600_000;
const tellMs = 20_000;
/** A guest that was stunned is asked to go on for as long; vcsim waits for 20 s, and the last try may take 5 of them. */
const goOnMs = 12_000;
const pauseMs = 250;

/** Has vcsim start a VM, as somebody in vCenter's own client would. @throws Error with vCenter's fault */
export async function powerOn(control: string, name: string): Promise<void> {
  const init = { method: 'POST', signal: AbortSignal.timeout(60_000) };
  const answer = await fetch(`${control}/power/on?vm=${encodeURIComponent(name)}`, init);
  if (!answer.ok) throw new Error(`${name} does not start: ${(await answer.text()).trim()}`);
}

/** Plays the world's guests with QEMU: they follow vcsim's power, and vcsim follows theirs. */
export class Keeper {
  readonly #world: World;
  readonly #control: string;
  readonly #dir: string;
  readonly #guests = new Map<string, Guest>();

  constructor(world: World, control: string, dir: string) {
    this.#world = world;
    this.#control = control;
    this.#dir = dir;
  }

  /** What vcsim tells: power changes, stuns, a shutdown asked for. It waits for the answer, and heeds one that it was not done. */
  listen(port: number, host: string): Server {
    const server = createServer((request, response) => {
      (json(request) as Promise<{ event: string; vm: string }>)
        .then(({ event, vm }) => this.#on(event, vm))
        .then(
          () => response.end(),
          (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
        );
    });
    server.requestTimeout = 0;
    return server.listen(port, host);
  }

  async stop(): Promise<void> {
    for (const guest of this.#guests.values()) guest.process.kill('SIGKILL');
    await Promise.all([...this.#guests.values()].map((guest) => guest.ended));
  }

  async #on(event: string, name: string): Promise<void> {
    const vm = this.#world.spec.vms.find((each) => each.name === name);
    if (!vm?.guest) return;
    const guest = this.#guests.get(name);
    switch (event) {
      case 'poweredOn':
        if (!guest) await this.#start(vm).catch((error) => this.#notBegun(name, error));
        return;
      case 'poweredOff':
        guest?.process.kill('SIGKILL');
        return guest?.ended;
      case 'stun':
        await (guest && qmp(guest.monitor, 'stop'));
        return;
      case 'unstun':
        await (guest && goOn(guest));
        return;
      case 'shutdownGuest': {
        if (!guest) return;
        await qmp(guest.monitor, 'system_powerdown');
        const tooLong = new Promise<void>((_, reject) =>
          setTimeout(() => reject(new Error(`not within ${shutdownMs / 1000} s`)), shutdownMs).unref(),
        );
        return Promise.race([guest.ended, tooLong]);
      }
    }
  }

  async #start(vm: WorldVm): Promise<void> {
    const { name } = vm;
    const disks = (await this.#disks(name)).map((disk) => disk.path);
    const index = this.#world.spec.vms.indexOf(vm);
    const nics = [...(vm.network ? [vm.network] : []), ...vm.networks];
    const taps = nics.map(({ mac }, i) => ({ mac, tap: `tap${index}n${i}` }));
    for (const { tap } of taps) {
      await run('ip', ['tuntap', 'add', tap, 'mode', 'tap'], { deadlineMs: 5_000 }).catch(() => '');
      await run('ip', ['link', 'set', tap, 'master', 'lan0', 'up'], { deadlineMs: 5_000 });
    }
    const serial = join(this.#dir, `${name}.console`);
    const monitor = join(this.#dir, `${name}.qmp`);
    const variables = join(this.#dir, `${name}.vars`);
    rmSync(monitor, { force: true });
    rmSync(serial, { force: true });
    if (vm.firmware === 'efi' && !existsSync(variables)) copyFileSync(freshVariables, variables);
    const log = openSync(join(this.#dir, `${name}.qemu.log`), 'a');
    const { firmware, cpus, memoryMB } = vm;
    const hardware = vmwareHardware({
      ...{ name, firmware, cpus, memoryMB, disks, serials: [serial], monitor, variables },
      nics: taps.map(({ mac, tap }) => ({ mac, backend: `tap,ifname=${tap},script=no,downscript=no` })),
    });
    const child = spawn('qemu-system-x86_64', hardware, { stdio: ['ignore', log, log] });
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        console.error(`${name}: ${error.message}`);
        if (child.pid === undefined) resolve(); // it never was
      });
    });
    // What the cluster needs goes before a guest that emulates a processor.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    this.#guests.set(name, { process: child, monitor, ended });
    if (child.pid !== undefined) void this.#awaitTools(name, serial, child);
    void ended.then(() => {
      this.#guests.delete(name);
      // A guest that ends by itself is off: vSphere sees it.
      void this.#tell('/power/off', name);
    });
  }

  /** A guest that did not even begin is off: vSphere sees it. */
  async #notBegun(name: string, error: unknown): Promise<never> {
    await this.#tell('/power/off', name);
    throw error;
  }

  /** VMware Tools report once the guest says on its console that it is up. */
  async #awaitTools(name: string, serial: string, child: ChildProcess): Promise<void> {
    while (child.exitCode === null && child.signalCode === null) {
      const text = existsSync(serial) ? readFileSync(serial, 'latin1') : '';
      if (text.includes('MARK end')) {
        return this.#tell('/guest/tools', name);
      }
      await sleep(500);
    }
  }

  async #tell(path: string, name: string): Promise<void> {
    const init = { method: 'POST', signal: AbortSignal.timeout(tellMs) };
    await fetch(`${this.#control}${path}?vm=${encodeURIComponent(name)}`, init).catch((error: unknown) =>
      console.error(`keeper: ${path} of ${name}: ${error instanceof Error ? error.message : error}`),
    );
  }

  async #disks(vm: string): Promise<{ path: string }[]> {
    const answer = await fetch(`${this.#control}/disks`, { signal: AbortSignal.timeout(10_000) });
    const all = (await answer.json()) as { vm: string; path: string; snapshot?: string }[];
    return all.filter((disk) => disk.vm === vm && disk.snapshot === undefined);
  }
}

/** A guest that was stunned goes on, or has its power cut: it must not stand still for ever. */
async function goOn({ monitor, process, ended }: Guest): Promise<void> {
  for (const until = performance.now() + goOnMs; ; )
    try {
      await qmp(monitor, 'cont');
      return;
    } catch (error) {
      if (process.exitCode !== null || process.signalCode !== null) return;
      if (performance.now() < until) {
        await sleep(pauseMs);
        continue;
      }
      process.kill('SIGKILL');
      await ended;
      throw error;
    }
}
