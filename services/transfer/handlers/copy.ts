import { Limiter, limited, type Range, runPass } from '@tranship/blocks';
import { type PassDisk, type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { retry, type StepContext } from '@tranship/service-kit';
import { memoryFor } from '../domain/memory.ts';
import type { Ports } from '../ports.ts';
import { heed } from './heed.ts';
import { inFlight } from './in-flight.ts';
import { Teller } from './progress.ts';

/** A source that went away is opened again; the ledger knows how far we were. */
const attempts = { attempts: 4, baseMs: 1_000, maxMs: 15_000 };

/** A pass over every disk. Asked again, it goes on from the ledger; what is finished is not read again. */
export async function copy(ports: Ports, input: StepInput<'copy'>, context: StepContext): Promise<StepResult<'copy'>> {
  const { clock } = context;
  const began = clock.now();
  const limiter = new Limiter(clock);
  limiter.set(await retry(ports.limit, { ...attempts, signal: context.signal, clock }));
  const tellers = new Map(input.disks.map((disk) => [disk, new Teller(context, 'copy', disk)]));
  const over = new AbortController();
  const heeding = heed(ports, limiter, tellers.values(), context, AbortSignal.any([context.signal, over.signal]));
  try {
    const disks = await inFlight(input.disks, input.sessions, context.signal, (disk, signal) => {
      const work = () => pass(ports, input, disk, limiter, tellers.get(disk)!, { ...context, signal });
      return retry(work, { ...attempts, signal, clock });
    });
    return { disks, seconds: (clock.now() - began) / 1000 };
  } finally {
    over.abort();
    await heeding;
  }
}

async function pass(
  { volumes, openSource, areas }: Ports,
  { connection, vm, snapshot, pass, audit, disks, sessions, pastRate }: StepInput<'copy'>,
  target: PassDisk,
  limiter: Limiter,
  teller: Teller,
  context: StepContext,
): Promise<StepResult<'copy'>['disks'][number]> {
  const { index, sizeBytes, file, how, changeId } = target;
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
    const source = async () => {
      const opened = await openSource({ connection, vm, file, snapshot }, signal);
      closers.push(() => opened.close());
      return limited(opened, limiter, signal);
    };
    const request = { pass, how, changeId, snapshot, file };
    const atOnce = Math.min(sessions, disks.length);
    const tuning = memoryFor(atOnce);
    teller.expectedSeconds = pastRate && (bytesOf(target, ranges) * atOnce) / pastRate;
    const onProgress = teller.tell;
    const done = await runPass({ source, sink, ledger, sizeBytes, request, ranges, audit, tuning, signal, onProgress });
    const { resumedBytes, liedLeaves } = done;
    if (resumedBytes > 0) context.log.info({ disk: index, resumedBytes }, 'the pass went on from its ledger');
    if (done.how !== how) context.log.warn({ disk: index, asked: how, how: done.how, liedLeaves }, 'done another way');
    return { index, sizeBytes, ...done };
  } finally {
    for (const close of closers.reverse()) await close().catch(() => {});
  }
}

/** What a pass has to read, as far as that is known before: of a delta its areas, else the disk. */
const bytesOf = ({ how, sizeBytes }: PassDisk, ranges: readonly Range[]): number =>
  how === 'delta' ? ranges.reduce((sum, [, length]) => sum + length, 0) : sizeBytes;
