import { copy as copyDisk } from '@tranship/blocks';
import { type PassDisk, type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { retry, type StepContext } from '@tranship/service-kit';
import type { Ports } from '../ports.ts';
import { inFlight } from './in-flight.ts';
import { reporter } from './progress.ts';

/** A source that went away is opened again; the ledger knows how far we were. */
const attempts = { attempts: 4, baseMs: 1_000, maxMs: 15_000 };

/** A full pass of every disk. Asked again, it goes on from the ledger; what is finished is not read again. */
export async function copy(ports: Ports, input: StepInput<'copy'>, context: StepContext): Promise<StepResult<'copy'>> {
  const began = context.clock.now();
  const disks = await inFlight(input.disks, context.signal, (disk, signal) =>
    retry(() => pass(ports, input, disk, { ...context, signal }), { ...attempts, signal, clock: context.clock }),
  );
  return { disks, seconds: (context.clock.now() - began) / 1000 };
}

async function pass(
  { volumes, openSource }: Ports,
  { connection, vm, snapshot, pass }: StepInput<'copy'>,
  target: PassDisk,
  context: StepContext,
): Promise<StepResult<'copy'>['disks'][number]> {
  const { index, sizeBytes, file } = target;
  const ledger = await volumes.ledger(vm, target, pass);
  const closers = [() => ledger.close()];
  try {
    const resumedBytes = ledger.head.doneBytes;
    if (resumedBytes > 0) context.log.info({ disk: index, resumedBytes }, 'the copy goes on from its ledger');
    const told = { index, sizeBytes, how: target.how, resumedBytes, auditedLeaves: 0, liedLeaves: 0 };
    const { root: finished, readBytes: before } = ledger.head;
    if (finished !== undefined) return { ...told, readBytes: before, writtenBytes: before, root: finished };
    const { disk, zeroed } = await volumes.open(target, resumedBytes);
    closers.push(() => disk.close());
    const source = await openSource({ connection, vm, file, snapshot }, context.signal);
    closers.push(() => source.close());
    if (source.size !== sizeBytes)
      throw new TranshipError('transfer.open', `${file} has ${source.size} bytes, the plan says ${sizeBytes}`, {
        retry: false,
      });
    const onProgress = reporter(context, 'copy', target);
    const { signal } = context;
    const { readBytes, root } = await copyDisk({ source, disk, ledger, sizeBytes, zeroed, signal, onProgress });
    return { ...told, readBytes, writtenBytes: readBytes, root };
  } finally {
    for (const close of closers.reverse()) await close().catch(() => {});
  }
}
