import {
  Limiter,
  limited,
  type PassOptions,
  type PassResult,
  type Range,
  reread,
  runPass,
  unheard,
} from '@tranship/blocks';
import { type PassDisk, type StepInput, type StepResult, TranshipError, type Via } from '@tranship/contracts';
import { retry, type StepContext } from '@tranship/service-kit';
import { broughtBack } from '../acts/brought-back.ts';
import { heed } from '../acts/heed.ts';
import { inFlight } from '../acts/in-flight.ts';
import { moving } from '../acts/moving.ts';
import { Teller } from '../acts/progress.ts';
import { memoryFor } from '../domain/memory.ts';
import type { Ports } from '../ports.ts';

/** A source that went away is opened again; the ledger knows how far we were. So often without progress between. */
const attempts = { attempts: 4, baseMs: 1_000, maxMs: 15_000 };

/** A pass over every disk. Asked again, it goes on from the ledger; what is finished is not read again. */
export async function copy(given: Ports, input: StepInput<'copy'>, context: StepContext): Promise<StepResult<'copy'>> {
  const { clock } = context;
  const ports = moving(given, context.moved);
  const began = clock.now();
  const limiter = new Limiter(clock);
  limiter.set(await retry(ports.limit, { ...attempts, signal: context.signal, clock }));
  const tellers = new Map(input.disks.map((disk) => [disk, new Teller(context, 'copy', disk)]));
  const over = new AbortController();
  const heeding = heed(ports, limiter, tellers.values(), context, AbortSignal.any([context.signal, over.signal]));
  try {
    const disks = await inFlight(input.disks, input.sessions, context.signal, (disk, signal) => {
      const teller = tellers.get(disk)!;
      const work = () => pass(ports, input, disk, limiter, teller, { ...context, signal });
      return retry(work, { ...attempts, signal, clock, reached: () => teller.doneBytes });
    });
    return { disks, seconds: (clock.now() - began) / 1000 };
  } finally {
    over.abort();
    await heeding;
  }
}

async function pass(
  ports: Ports,
  { connection, vm, snapshot, pass, audit, disks, sessions, pastRate, grade, reread: twice }: StepInput<'copy'>,
  target: PassDisk,
  limiter: Limiter,
  teller: Teller,
  context: StepContext,
): Promise<StepResult<'copy'>['disks'][number]> {
  const { index, key, sizeBytes, file, how, changeId, since } = target;
  const { signal, log } = context;
  if (how === 'delta' && target.areas === undefined)
    throw new TranshipError('service.internal', `a delta of disk ${index} without its areas`, { retry: false });
  const closers: (() => Promise<void>)[] = [];
  try {
    const ranges = target.areas === undefined ? [] : await ports.areas(target.areas);
    const ledger = await ports.volumes.ledger(vm, target, grade);
    closers.push(() => ledger.close());
    if (ledger.strange !== undefined)
      log.warn({ disk: index, differs: ledger.strange }, 'the ledger is of another disk: the target is looked at anew');
    const sink = await ports.volumes.open(target);
    closers.push(() => sink.close());
    if (target.kept !== undefined && ledger.isBlank && !sink.isNew)
      await broughtBack(ports.ledgers, target.kept, sink, { ledger, sizeBytes, signal }, log);
    let opened: ReturnType<Ports['openSource']> | undefined;
    const source = async (begun?: Via) => {
      opened ??= ports.openSource({ connection, vm, key, file, snapshot, how, begun, twice }, signal);
      const { via, movedTo } = await opened;
      log.info({ disk: index, ...via, movedTo }, 'the source is open');
      return { ...limited(await opened, limiter, signal), via };
    };
    closers.push(async () => (await opened)?.close());
    const request = { pass, how, changeId, since, snapshot, file };
    const atOnce = Math.min(sessions, disks.length);
    const tuning = memoryFor(atOnce);
    teller.expectedSeconds = pastRate && (bytesOf(target, ranges) * atOnce) / pastRate;
    const options = { source, sink, ledger, sizeBytes, request, ranges, tuning, signal, onProgress: teller.tell };
    const done = twice ? await readTwice(options) : await runPass({ ...options, audit });
    const { resumedBytes, liedLeaves, readBytes, writtenBytes } = done;
    const savedBytes = done.how === 'compare' ? readBytes - writtenBytes : 0;
    if (resumedBytes > 0) log.info({ disk: index, resumedBytes }, 'the pass went on from its ledger');
    if (done.how !== how)
      log.warn({ disk: index, asked: how, how: done.how, liedLeaves, savedBytes }, 'done another way');
    return { index, sizeBytes, ...done, savedBytes: Math.max(0, savedBytes) };
  } finally {
    for (const close of closers.reverse()) await close().catch(() => {});
  }
}

/** What a pass has to read, as far as that is known before: of a delta its areas, else the disk. */
const bytesOf = ({ how, sizeBytes }: PassDisk, ranges: readonly Range[]): number =>
  how === 'delta' ? ranges.reduce((sum, [, length]) => sum + length, 0) : sizeBytes;

/** The pass, and then the whole source once more: any difference, and the disk is compared. */
async function readTwice(options: PassOptions): Promise<PassResult> {
  const done = await runPass(options);
  const { ledger, sizeBytes, signal, request } = options;
  const source = await options.source();
  if ('pieces' in source)
    throw new TranshipError('transfer.open', 'a full proof reads the source twice, and an export gives it once', {
      retry: false,
    });
  const { leaves, different } = await reread(source, { ledger, sizeBytes, signal });
  const audited = { auditedLeaves: leaves, liedLeaves: different };
  if (different === 0) return { ...done, ...audited };
  const anew = {
    source: async () => ({ ...unheard(source), via: source.via }),
    request: { ...request, how: 'compare' },
  } as const;
  return { ...(await runPass({ ...options, ...anew })), ...audited };
}
