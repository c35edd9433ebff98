import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Boot, type Rehearsal, type StepInput, TranshipError } from '@tranship/contracts';
import type { Clock } from '@tranship/service-kit';
import { accelerator, VirtualMachine } from '../adapters/rehearsal/virtual-machine.ts';
import { isFull } from '../adapters/run.ts';
import { errorOf } from '../domain/rehearsal/verdict.ts';
import type { Folders } from '../handlers/convert.ts';
import { type Apart, convertApart } from './apart.ts';
import { watchBoot } from './boot.ts';
import { workOf } from './direct.ts';

export interface RehearsalJob {
  readonly folders: Folders;
  readonly input: StepInput<'rehearse'>;
  /** Of the guest, at most. */
  readonly memoryMB: number;
  readonly kvm: 'auto' | 'never';
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What there is to show of a boot: the guest's console as text, its screen as PNG. */
export interface Evidence {
  readonly console: string;
  readonly screen?: Buffer;
}

/** How it went; the boot still lacks the names of its evidence. */
export interface Rehearsed {
  readonly rehearsal: Pick<Rehearsal, 'passed' | 'error'>;
  readonly boot: Omit<Boot, 'console' | 'screen'>;
  readonly evidence: Evidence;
}

/** Boots a copy, converted, on overlays that are thrown away, without any network. Nothing remains of it, and the copy is only read. */
export async function rehearseCopy(job: RehearsalJob): Promise<Rehearsed> {
  const { clock, folders, signal, input } = job;
  const scratch = join(folders.scratchDir, 'rehearsal');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const nics = input.target.nics.map(({ mac, addresses, slot }) => ({
      mac,
      addresses,
      ...(slot === undefined ? {} : { slot }),
    }));
    const work = { ...workOf(folders, { disks: input.target.disks, nics }, signal), scratch };
    const began = clock.now();
    const apart = await convertApart(work, input.mode);
    return await boot(job, apart, (clock.now() - began) / 1000);
  } catch (error) {
    if (isFull(error)) throw new TranshipError('rehearsal.no-room', 'the scratch volume is full', { cause: error });
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function boot(job: RehearsalJob, apart: Apart, seconds: number): Promise<Rehearsed> {
  const { folders, input, clock, signal } = job;
  const { target, agent, deadlineMs } = input;
  const by = accelerator(job.kvm);
  const memoryMB = Math.min(target.memoryMB, job.memoryMB);
  const overlays = new Map(
    workOf(folders, { disks: target.disks, nics: [] }, signal).images.map(({ index, path }) => {
      const isDevice = target.disks.find((disk) => disk.index === index)?.volumeMode === 'Block';
      return [index, { file: apart.overlays.get(index)!, base: path, isDevice }];
    }),
  );
  const machine = await VirtualMachine.start({ target, memoryMB, accelerator: by, overlays }, signal);
  try {
    const macs = target.nics.map(({ mac }) => mac);
    const { why, ...seen } = await watchBoot(machine, { macs, kept: apart.kept, agent, deadlineMs, by, clock, signal });
    const screen = await machine.screen();
    const error = errorOf(seen, why);
    const { engine, files, os } = apart;
    return {
      rehearsal: { passed: !error, ...(error ? { error } : {}) },
      boot: { accelerator: by, memoryMB, ...seen, os: seen.os || os, conversion: { engine, files, seconds } },
      evidence: { console: machine.console, ...(screen ? { screen } : {}) },
    };
  } finally {
    await machine.stop();
  }
}
