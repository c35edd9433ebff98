import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { type Machine, qemuArguments } from '../../domain/rehearsal/machine.ts';
import { GuestAgent } from './agent.ts';
import { connected } from './lines.ts';
import { Monitor } from './monitor.ts';

const variables = '/usr/share/OVMF/OVMF_VARS_4M.fd';
/** Of what the guest says, this much of the end is kept. */
const mostConsole = 256 * 1024;
/** A guest may start anew once it has seen to itself; one that does so more often is in a loop. */
const mostResets = 3;
const mostErrors = 4096;
const quitMs = 5_000;

/** Whether a processor of this machine can be lent to a guest. */
export function accelerator(kvm: 'auto' | 'never'): Machine['accelerator'] {
  try {
    if (kvm === 'auto') accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return kvm === 'auto' ? 'kvm' : 'tcg';
  } catch {
    return 'tcg';
  }
}

/** A QEMU of our own. It ends with its `stop`, or with the signal. */
export class VirtualMachine {
  readonly agent: GuestAgent;
  readonly #monitor: Monitor;
  readonly #folder: string;
  readonly #process: Process;
  #console = '';

  private constructor(process: Process, folder: string, monitor: Socket, agent: Socket, serial: Socket) {
    this.#process = process;
    this.#folder = folder;
    this.#monitor = new Monitor(monitor);
    this.agent = new GuestAgent(agent);
    serial.setEncoding('utf8');
    serial.on('data', (text: string) => {
      this.#console = (this.#console + text).slice(-mostConsole);
    });
  }

  static async start(
    machine: Pick<Machine, 'target' | 'memoryMB' | 'accelerator' | 'overlays'>,
    signal: AbortSignal,
  ): Promise<VirtualMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'tranship-vm-'));
    const socket = (name: string) => join(folder, name);
    const sockets = { monitor: socket('monitor'), console: socket('console'), agent: socket('agent') };
    const efi = machine.target.firmware === 'efi' ? { variables: socket('variables') } : {};
    let process: Process | undefined;
    try {
      if (efi.variables !== undefined) copyFileSync(variables, efi.variables);
      process = new Process(qemuArguments({ ...machine, ...sockets, ...efi }), signal);
      const ended = () => process!.ended;
      const console = await connected(sockets.console, ended);
      const [monitor, agent] = await Promise.all([connected(sockets.monitor, ended), connected(sockets.agent, ended)]);
      const started = new VirtualMachine(process, folder, monitor, agent, console);
      await started.#monitor.run('qmp_capabilities');
      return started;
    } catch (error) {
      const said = process?.errors;
      await process?.end();
      rmSync(folder, { recursive: true, force: true });
      if (!said || signal.aborted) throw error;
      throw new TranshipError('rehearsal.no-boot', `QEMU does not start: ${said}`, { retry: true, cause: error });
    }
  }

  /** What it said on its serial console, its end. */
  get console(): string {
    return this.#console;
  }

  /** Why it does not run any more, or stands still. */
  get trouble(): 'ended' | 'resets' | 'no-room' | undefined {
    const { told } = this.#monitor;
    if (this.#process.ended) return 'ended';
    if (told.filter((event) => event === 'RESET').length > mostResets) return 'resets';
    return told.includes('BLOCK_IO_ERROR') && told.includes('STOP') ? 'no-room' : undefined;
  }

  get errors(): string {
    return this.#process.errors;
  }

  /** The screen as PNG. */
  async screen(): Promise<Buffer | undefined> {
    const file = join(this.#folder, 'screen.png');
    await this.#monitor.run('screendump', { filename: file, format: 'png' }).catch(() => {});
    return existsSync(file) ? readFileSync(file) : undefined;
  }

  async stop(): Promise<void> {
    await this.#process.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class Process {
  #said = '';
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #ended = false;

  constructor(args: readonly string[], signal: AbortSignal) {
    // It ends with us, however we end.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-mostErrors);
    });
    this.#closed = new Promise((resolve) => {
      const over = () => {
        this.#ended = true;
        resolve();
      };
      this.#child.once('close', over);
      this.#child.once('error', (error) => {
        this.#said += error.message;
        if (this.#child.pid === undefined) over();
      });
    });
  }

  /** That it waits for us, and that nobody is on a hub, is as it shall be. */
  get errors(): string {
    return this.#said
      .split('\n')
      .filter((line) => !/: (info|warning): /.test(line))
      .join('\n')
      .trim();
  }

  get ended(): boolean {
    return this.#ended;
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await Promise.race([this.#closed, new Promise((resolve) => setTimeout(resolve, quitMs).unref())]);
  }
}
