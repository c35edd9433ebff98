import { TranshipError, type Via } from '@tranship/contracts';
import { type Range, sampleOutside } from './areas.ts';
import { Arena } from './arena.ts';
import { auditLeaves, type Check, countDifferent, sampleOf } from './audit.ts';
import { type BlockSource, compare, compareWithTarget, delta, full, type Source } from './jobs.ts';
import { leafBytes } from './leaves.ts';
import type { Ledger } from './ledger.ts';
import { Pace } from './pace.ts';
import { type Job, Pipeline } from './pipeline.ts';
import type { Sink } from './sink.ts';
import type { Head, How, PassRequest } from './state.ts';

export interface PassOptions {
  /** Opened when it is needed: what is finished needs none. `begun`: how the part that is done was read, if any is. */
  readonly source: (begun?: Via) => Promise<Source & { readonly via?: Via }>;
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly sizeBytes: number;
  readonly request: PassRequest;
  /** Of a delta: what changed, in any order. */
  readonly ranges?: readonly Range[];
  /** Share of the leaves outside of the ranges that are read and compared all the same. */
  readonly audit?: number;
  readonly tuning?: Partial<Tuning>;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the disk that are done, and that were read for it. */
  readonly onProgress?: (doneBytes: number, readBytes: number) => void;
}

export interface Tuning {
  /** For all that is in flight. */
  readonly memoryBytes: number;
  readonly requestBytes: number;
  readonly inFlight: number;
  /** What a kill may cost at least, read again; else one in a hundred of what was read. */
  readonly riskBytes: number;
  /** What a power cut may cost. */
  readonly flushBytes: number;
  /** Of the target, compared before its ledger is believed. */
  readonly spotLeaves: number;
  readonly random: () => number;
  /** The sums of leaves; the benches measure what they cost. */
  readonly sum: (data: Buffer) => Buffer;
}

export interface PassResult {
  readonly how: How;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Of the disk, done when this attempt began. */
  readonly resumedBytes: number;
  readonly auditedLeaves: number;
  readonly liedLeaves: number;
  readonly root: string;
  readonly via?: Via | undefined;
}

const mib = 1024 * 1024;
const usual: Omit<Tuning, 'sum'> = {
  memoryBytes: 16 * mib,
  requestBytes: 2 * mib,
  inFlight: 16,
  riskBytes: 64 * mib,
  flushBytes: 2048 * mib,
  spotLeaves: 64,
  random: Math.random,
};

/**
 * One pass over a disk, or the rest of it: asked again, it goes on from its ledger. A ledger that does not fit the target,
 * and a delta whose source is caught in a lie, end in a comparison.
 */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const { sink, ledger, sizeBytes, request, ranges = [], signal } = options;
  const { summing } = ledger;
  const tuning = { ...usual, sum: summing.sum, ...options.tuning };
  const arena = new Arena(tuning.memoryBytes);
  const check = { arena, sizeBytes, summing, signal };
  if (sink.isNew) await ledger.forget();
  let finished = await ledger.begin(request, ranges, sink.holdsData && !sink.isNew);
  if (!(await holds(options, check, tuning, finished))) {
    ledger.refuse();
    finished = await ledger.begin(request, ranges, true);
  }
  if (finished) return result(finished, sizeBytes);
  const { begun } = ledger.log;
  const resumedBytes = ledger.log.state.doneBytes;
  const source = await options.source(resumedBytes > 0 ? ledger.log.state.via : undefined);
  if (source.size !== sizeBytes)
    throw new TranshipError('transfer.open', `the source has ${source.size} bytes, the plan says ${sizeBytes}`, {
      retry: false,
    });
  if (source.via) await ledger.log.append({ ...ledger.log.state, via: source.via }, []);
  const pace = new Pace();
  const byOffset = ledger.log.state.how === 'delta' ? timed(source, pace) : undefined;
  if (byOffset && !ledger.log.state.audited) await audit(options, check, byOffset, tuning.random);
  const { how, doneBytes } = ledger.log.state;
  const job = { ...tuning, source, sink, ledger, sizeBytes, from: doneBytes };
  let work: Job;
  if (how === 'full') work = full({ ...job, zeroed: await sink.clearFrom(doneBytes) });
  else if (how === 'delta')
    work = delta({ ...job, source: byOffset!, ranges: begun.planned, gap: () => pace.gap(tuning.inFlight) });
  else if (begun.fromTarget) work = compareWithTarget(job);
  else work = compare({ ...job, suspects: begun.suspects });
  const { onProgress } = options;
  const pipeline = new Pipeline({ ...tuning, sink, log: ledger.log, arena, sizeBytes, signal, onProgress }, work);
  const state = await pipeline.run();
  return { ...result(await ledger.finish(state), sizeBytes), resumedBytes };
}

/** A delta reads here and there: of a stream there is none. */
function timed(source: Source, pace: Pace): BlockSource {
  if ('pieces' in source)
    throw new TranshipError('transfer.open', 'a stream has no changed areas: a delta needs the method vddk', {
      retry: false,
    });
  return {
    size: source.size,
    extents: (offset, length) => source.extents(offset, length),
    read: async (offset, target) => {
      const at = performance.now();
      await source.read(offset, target);
      pace.add(at, performance.now(), target.length);
    },
  };
}

/** Whether the target holds what the ledger says, by a sample: of the log when it goes on, else of the pass before. */
async function holds(
  { sink, ledger, sizeBytes }: PassOptions,
  check: Check,
  { random, spotLeaves }: Pick<Tuning, 'random' | 'spotLeaves'>,
  finished?: Head,
) {
  const read = (offset: number, target: Buffer) => sink.read(offset, target);
  let touched: readonly Range[] = [];
  if (!finished) {
    const { begun, state } = ledger.log;
    if (state.doneBytes > 0) {
      const sums = await sampleOf(ledger.log.sums(), ledger.summing.bytes, spotLeaves, random);
      return (await countDifferent(check, [...sums.keys()], read, (offset) => sums.get(offset)!)) === 0;
    }
    // A comparison that wrote before its first entry may have written anywhere.
    if (begun.fresh || (state.how === 'compare' && state.untilBytes > 0)) return true;
    touched = begun.planned.length > 0 ? begun.planned : begun.suspects;
  }
  if ((await ledger.root()) !== ledger.head?.root) return false;
  const offsets = sampleOutside(touched, sizeBytes, spotLeaves, random);
  return (await countDifferent(check, offsets, read, (offset) => ledger.getLeaves(offset, 1))) === 0;
}

/** Reads leaves that did not change, as the source says. One that did is enough: then all is compared. */
async function audit(
  { ledger, sizeBytes, audit: share = 0 }: PassOptions,
  check: Check,
  source: BlockSource,
  random: () => number,
): Promise<void> {
  const { begun, state } = ledger.log;
  const offsets = sampleOutside(begun.planned, sizeBytes, auditLeaves(share, sizeBytes), random);
  const read = (offset: number, target: Buffer) => source.read(offset, target);
  const liedLeaves = await countDifferent(check, offsets, read, (offset) => ledger.getLeaves(offset, 1));
  const readBytes = state.readBytes + offsets.length * leafBytes;
  const how = liedLeaves > 0 ? 'compare' : 'delta';
  await ledger.log.append({ ...state, how, audited: true, auditedLeaves: offsets.length, liedLeaves, readBytes }, []);
}

function result(head: Head, sizeBytes: number): PassResult {
  const { done: how, readBytes, writtenBytes, auditedLeaves, liedLeaves, root, via } = head;
  return { how, readBytes, writtenBytes, resumedBytes: sizeBytes, auditedLeaves, liedLeaves, root, via };
}
