import { runPass } from '@tranship/blocks';
import { type PassDisk, type StepInput, type StepResult, TranshipError, type Via } from '@tranship/contracts';
import { retry, type StepContext } from '@tranship/service-kit';
import { memoryFor } from '../domain/memory.ts';
import type { Ports } from '../ports.ts';
import { inFlight } from './in-flight.ts';
import { reporter } from './progress.ts';

/** A source that went away is opened again; the ledger knows how far we were. */
const attempts = { attempts: 4, baseMs: 1_000, maxMs: 15_000 };

/** A pass over every disk. Asked again, it goes on from the ledger; what is finished is not read again. */
export async function copy(ports: Ports, input: StepInput<'copy'>, context: StepContext): Promise<StepResult<'copy'>> {
  const began = context.clock.now();
  const disks = await inFlight(input.disks, input.sessions, context.signal, (disk, signal) =>
    retry(() => pass(ports, input, disk, { ...context, signal }), { ...attempts, signal, clock: context.clock }),
  );
  return { disks, seconds: (context.clock.now() - began) / 1000 };
}

async function pass(
  { volumes, openSource, areas }: Ports,
  { connection, vm, snapshot, pass, audit, disks, sessions }: StepInput<'copy'>,
  target: PassDisk,
  context: StepContext,
): Promise<StepResult<'copy'>['disks'][number]> {
  const { index, key, sizeBytes, file, how, changeId } = target;
  const { signal } = context;
  if (how === 'delta' && target.areas === undefined)
    throw new TranshipError('service.internal', `a delta of disk ${index} without its areas`, { retry: false });
  const closers: (() => Promise<void>)[] = [];
  try {
    const ranges = target.areas === undefined ? [] : await areas(target.areas);
    const ledger = await volumes.ledger(vm, target);
    closers.push(() => ledger.close());
    const sink = await volumes.open(target);
    closers.push(() => sink.close());
    const source = async (begun?: Via) => {
      const opened = await openSource({ connection, vm, key, file, snapshot, how, begun }, signal);
      closers.push(() => opened.close());
      context.log.info({ disk: index, ...opened.via }, 'the source is open');
      return opened;
    };
    const request = { pass, how, changeId, snapshot, file };
    const tuning = memoryFor(Math.min(sessions, disks.length));
    const onProgress = reporter(context, 'copy', target);
    const done = await runPass({ source, sink, ledger, sizeBytes, request, ranges, audit, tuning, signal, onProgress });
    const { resumedBytes, liedLeaves } = done;
    if (resumedBytes > 0) context.log.info({ disk: index, resumedBytes }, 'the pass went on from its ledger');
    if (done.how !== how) context.log.warn({ disk: index, asked: how, how: done.how, liedLeaves }, 'done another way');
    return { index, sizeBytes, ...done };
  } finally {
    for (const close of closers.reverse()) await close().catch(() => {});
  }
}
