import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshVariables, kubevirtHardware, type Machine, vmwareHardware } from './qemu.ts';
import { qmp } from './qmp.ts';

export type Hardware = keyof typeof hardwares;
const hardwares = { vmware: vmwareHardware, kubevirt: kubevirtHardware };

export interface Boot {
  /** It reported; it said that it found no disk; it said neither in time; QEMU ended. */
  readonly outcome: 'up' | 'stuck' | 'silent' | 'ended';
  /** Until then. */
  readonly seconds: number;
  /** What the guest reports of its boot, on a serial line of its own. */
  readonly report: string;
  readonly console: string;
}

export interface BootRequest extends Omit<Machine, 'serials' | 'monitor' | 'variables'> {
  readonly hardware: Hardware;
  /** For consoles and sockets. */
  readonly folder: string;
  readonly deadlineMs: number;
  /** Once it is up it is shut down in order; else its power is cut. */
  readonly shutDown?: boolean;
}

const ended = 'MARK end';
/** Where initramfs-tools, dracut, the kernel, GRUB and a firmware give up. */
const stuck =
  /ALERT!.*does not exist|\(initramfs\)|Entering emergency mode|rdsosreport\.txt|Kernel panic|grub rescue|No bootable device|No bootable option/;
const pollMs = 250;
const shutdownMs = 120_000;
const askMs = 5_000;

/** Boots a guest by software emulation, waits for its report, and leaves nothing running. */
export async function boot({ hardware, folder, deadlineMs, shutDown, ...given }: BootRequest): Promise<Boot> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const [console, report] = [join(folder, 'console'), join(folder, 'report')];
  const machine = {
    ...given,
    serials: [console, report],
    monitor: join(folder, 'qmp'),
    variables: join(folder, 'variables'),
  };
  if (machine.firmware === 'efi') copyFileSync(freshVariables, machine.variables);
  const log = openSync(join(folder, 'qemu.log'), 'w');
  const began = performance.now();
  const child = spawn('qemu-system-x86_64', hardwares[hardware](machine), { stdio: ['ignore', log, log] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    const outcome = await watch(child, console, report, began + deadlineMs);
    const seconds = (performance.now() - began) / 1000;
    if (outcome === 'up' && shutDown) await end(child, machine.monitor, gone);
    return { outcome, seconds, report: textOf(report), console: textOf(console) };
  } finally {
    kill();
    process.off('exit', kill);
    await gone;
  }
}

async function watch(child: ChildProcess, console: string, report: string, until: number): Promise<Boot['outcome']> {
  while (performance.now() < until) {
    if (textOf(report).includes(ended)) return 'up';
    if (stuck.test(textOf(console))) return 'stuck';
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return 'ended';
    await sleep(pollMs);
  }
  return 'silent';
}

/** A guest that has just come up may not hear the button yet. @throws Error when it does not end */
async function end(child: ChildProcess, monitor: string, gone: Promise<void>): Promise<void> {
  for (const until = performance.now() + shutdownMs; performance.now() < until; ) {
    await qmp(monitor, 'system_powerdown').catch(() => undefined);
    await Promise.race([gone, sleep(askMs, undefined, { ref: false })]);
    if (child.exitCode !== null || child.signalCode !== null) return;
  }
  throw new Error(`the guest did not shut down within ${shutdownMs / 1000} s`);
}

const textOf = (file: string) => (existsSync(file) ? readFileSync(file, 'latin1').replaceAll('\r', '') : '');
