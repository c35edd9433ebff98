import {
  type Concern,
  type ConcernId,
  concernOf,
  type ErrorCode,
  errorCatalogue,
  type StepResult,
  TranshipError,
} from '@tranship/contracts';
import type { Change } from './changes.ts';
import type { NamedNic } from './nic-names.ts';

/** Why a guest is not converted; `path` is the file in the guest that says so. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly path?: string;
}

/** What one rule wants of the guest. */
export interface Part {
  readonly changes?: readonly Change[];
  readonly nics?: readonly NamedNic[];
  readonly concerns?: readonly Concern[];
  readonly refusals?: readonly Refusal[];
  readonly agent?: StepResult<'convert'>['agent'];
}

export type Whole = Required<Part>;

export const together = (parts: readonly Part[]): Whole => ({
  changes: parts.flatMap(({ changes }) => changes ?? []),
  nics: parts.flatMap(({ nics }) => nics ?? []),
  concerns: parts.flatMap(({ concerns }) => concerns ?? []),
  refusals: parts.flatMap(({ refusals }) => refusals ?? []),
  agent: parts.find(({ agent }) => agent)?.agent ?? 'unknown',
});

export const refuse = (code: ErrorCode, detail: string, path?: string): Refusal => ({
  code,
  detail: short(detail),
  ...(path === undefined ? {} : { path: short(path) }),
});

/** A guest's own words may be of any length, and what is told of it goes into an event. */
const longest = 500;
const short = (text: string) => (text.length > longest ? `${text.slice(0, longest)}…` : text);
const maxConcerns = 50;

/** As many concerns as an event has room for; those that stand in the way first. */
export const fitConcerns = (concerns: readonly Concern[]): Concern[] =>
  concerns.length <= maxConcerns
    ? [...concerns]
    : [
        ...concerns.filter(({ category }) => category === 'critical'),
        ...concerns.filter(({ category }) => category !== 'critical'),
      ].slice(0, maxConcerns);

export const errorOf = ({ code, detail, path }: Refusal) =>
  new TranshipError(code, detail, path === undefined ? {} : { path });

/** A refusal as validation tells it, before anything is powered off. */
export const criticalOf = ({ code, detail, path = 'guest' }: Refusal): Concern => ({
  id: code,
  category: 'critical',
  label: errorCatalogue[code].title,
  why: detail,
  fix: errorCatalogue[code].fix,
  path,
});

type GuestConcern = Extract<ConcernId, `guest.${string}`>;
/** What does not stand in the way and is told all the same. */
export const concern = (id: GuestConcern, why: string, path = 'guest') => concernOf(id, short(why), short(path));
