import type { Bus } from '@tranship/bus';
import type {
  Envelope,
  Progress,
  QueryInput,
  QueryName,
  QueryParsed,
  QueryResult,
  StepInput,
  StepName,
  StepResult,
} from '@tranship/contracts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

export interface StepContext {
  readonly ids: { readonly migration: string; readonly vm: string; readonly step: string; readonly attempt: number };
  /** Aborts at the step's deadline and when the service shuts down. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock: Clock;
  /** Another worker may have begun with this step before: what is there may be its work. */
  readonly begun: boolean;
  progress(value: Omit<Progress, 'migration' | 'vm'>): void;
  /** Bytes were moved: a deadline that is counted from the last one begins anew. */
  moved(): void;
}

export interface QueryContext {
  readonly log: Logger;
  readonly clock: Clock;
}

/** What a service is given. */
export interface Kit {
  readonly bus: Bus;
  readonly log: Logger;
  readonly clock: Clock;
  query<K extends QueryName>(name: K, input: QueryInput<K>): Promise<QueryResult<K>>;
}

/** What a service is: message -> handler. */
export interface ServiceTable {
  /** Handlers may run again for the same command: they find what is done already. */
  readonly steps?: { readonly [K in StepName]?: (input: StepInput<K>, context: StepContext) => Promise<StepResult<K>> };
  readonly queries?: {
    readonly [K in QueryName]?: (input: QueryParsed<K>, context: QueryContext) => Promise<QueryResult<K>>;
  };
  /** Commands that are no step of a course, by verb: the planner's own. */
  readonly commands?: { readonly [verb: string]: (message: Envelope) => Promise<void> };
  /** A workbench serves its own VM alone. */
  readonly scope?: { readonly migration: string; readonly vm: string };
  /** Loops that are started again, with back-off, until the signal aborts. */
  readonly background?: { readonly [name: string]: (signal: AbortSignal) => Promise<void> };
  /** Commands in work at once. */
  readonly concurrency?: number;
  readonly ready?: () => boolean | Promise<boolean>;
  readonly stop?: () => Promise<void>;
}
