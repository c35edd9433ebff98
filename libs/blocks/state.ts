import type { Via } from '@tranship/contracts';
import type { Range } from './areas.ts';
import { type Summing, type SumName, summingOf } from './leaves.ts';

/** What a ledger is bound to: with any of it changed, it is another disk's. */
export interface Binding {
  readonly vm: string;
  readonly disk: number;
  readonly key: number;
  readonly sizeBytes: number;
  /** The target's claim by its uid, and the volume behind it: one made anew, or swapped, holds something else. */
  readonly claim?: { readonly uid: string; readonly volume: string } | undefined;
  /** How the leaves are summed; `crc32` where nothing is said. */
  readonly sums?: SumName | undefined;
}

/** Of all that a ledger writes. */
export const version = 3;

export const sumsOf = ({ sums = 'crc32' }: Binding): Summing => summingOf(sums);

/** By what two bindings differ, for people; undefined: in nothing. */
export function bindingDifference(a: Binding, b: Binding): string | undefined {
  const said = ({ claim, sums = 'crc32', vm, disk, key, sizeBytes }: Binding) =>
    Object.entries({ vm, disk, key, sizeBytes, claim: claim?.uid, volume: claim?.volume, sums });
  const other = new Map(said(b));
  const differs = said(a).find(([name, value]) => value !== other.get(name));
  return differs && `${differs[0]} ${differs[1] ?? 'unknown'} instead of ${other.get(differs[0]) ?? 'unknown'}`;
}

export const sameBinding = (a: Binding, b: Binding): boolean => bindingDifference(a, b) === undefined;

export type How = 'full' | 'delta' | 'compare';

/** What is asked of a pass. The moment that it copies is named by changeId and snapshot. */
export interface PassRequest {
  readonly pass: number;
  readonly how: How;
  readonly changeId?: string | undefined;
  readonly snapshot?: string | undefined;
  /** Of a delta: the changeId since which its areas were asked. They stand only where the target holds that moment. */
  readonly since?: string | undefined;
  /** For information: a disk's file has another name at each snapshot. */
  readonly file?: string;
}

export interface Counts {
  /** Over all attempts at this pass. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly auditedLeaves: number;
  readonly liedLeaves: number;
}

/** A pass as it was begun. */
export interface Begun extends PassRequest {
  readonly run: string;
  /** The target's leaves are learnt anew; else they are those of the pass before, which is `after`. */
  readonly fresh: boolean;
  /** A comparison for which the target is read, because nothing is known of it. */
  readonly fromTarget: boolean;
  readonly after: number | null;
  /** The run of that pass; without its head the log alone says nothing. */
  readonly base: string | null;
  /** Where a pass that was given up may have written: what is known of these leaves does not hold. */
  readonly suspects: readonly Range[];
  /** Of a delta: all that it may write. */
  readonly planned: readonly Range[];
}

/** How far a pass has come. All below `doneBytes` is in the target and flushed; nothing from `untilBytes` on is touched. */
export interface State extends Counts {
  readonly epoch: number;
  /** As it is done: a delta may have become a comparison. */
  readonly how: How;
  readonly doneBytes: number;
  readonly untilBytes: number;
  readonly audited: boolean;
  readonly complete: boolean;
  readonly via?: Via | undefined;
}

export interface Proof {
  readonly pass: number;
  readonly root: string;
  /** How many were read back for it. */
  readonly leaves: number;
}

/** The last finished pass, and the proofs since the target was last learnt as a whole. */
export interface Head extends PassRequest, Counts {
  readonly run: string;
  readonly epoch: number;
  readonly done: How;
  readonly fresh: boolean;
  readonly after: number | null;
  readonly root: string;
  readonly chain: readonly Proof[];
  /** How far the source was read once more after the pass, and how many leaves were not the same. */
  readonly reread?: { readonly doneBytes: number; readonly different: number };
  readonly via?: Via | undefined;
}

export const sameRequest = (a: PassRequest, b: PassRequest): boolean =>
  a.pass === b.pass && a.how === b.how && a.changeId === b.changeId && a.snapshot === b.snapshot;

export const start: Omit<State, 'epoch' | 'how'> = {
  doneBytes: 0,
  untilBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  auditedLeaves: 0,
  liedLeaves: 0,
  audited: false,
  complete: false,
};

export interface Known {
  readonly head: Head | undefined;
  /** Where a pass that was begun and never finished may have written; undefined: anywhere. */
  readonly givenUp: { readonly touched: readonly Range[] | undefined } | undefined;
  /** The target was changed by somebody else, or does not hold what the ledger says. */
  readonly distrusted: boolean;
  /** It may hold more than zeros although the ledger knows of nothing. */
  readonly targetHoldsData: boolean;
}

/** How a pass begins, given what is known. */
export function decide(
  request: PassRequest,
  known: Known,
): Pick<Begun, 'fresh' | 'fromTarget' | 'after' | 'base' | 'suspects'> & { how: How } {
  const { head, givenUp, distrusted, targetHoldsData } = known;
  const fresh = { fresh: true, after: null, base: null, suspects: [] } as const;
  const fromTarget = { ...fresh, how: 'compare', fromTarget: true } as const;
  if (distrusted) return fromTarget;
  const base = givenUp && givenUp.touched === undefined ? undefined : head;
  if (request.how === 'full') {
    const lost = !head && !givenUp && targetHoldsData;
    return lost ? fromTarget : { ...fresh, how: 'full', fromTarget: false };
  }
  if (!base) return fromTarget;
  const { how, since = base.changeId } = request;
  return {
    how: how === 'delta' && since !== base.changeId ? 'compare' : how,
    fresh: false,
    fromTarget: false,
    after: base.pass,
    base: base.run,
    suspects: givenUp?.touched ?? [],
  };
}
