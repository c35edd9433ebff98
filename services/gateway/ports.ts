import type { Bus } from '@tranship/bus';
import type { Document, Progress } from '@tranship/contracts';
import type { Clock, Kit, Logger } from '@tranship/service-kit';
import type { Caller } from './domain/access.ts';

/** Questions to the other services. @throws TranshipError */
export type Ask = Kit['query'];

/** The part of the event log that the gateway touches. */
export type EventLog = Pick<Bus['events'], 'append' | 'readSubject' | 'follow'>;

export type OnProgress = (filter: string, handler: (value: Progress) => void, signal: AbortSignal) => void;

/** What the gateway needs of the running system. */
export interface World {
  readonly ask: Ask;
  readonly events: EventLog;
  /** What is too large for a message, by its name. */
  readonly object: (name: string) => Promise<Uint8Array>;
  readonly onProgress: OnProgress;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Who stands behind a bearer token. */
export interface Tokens {
  find(token: string): Promise<Caller | undefined>;
}

export interface Access {
  readonly who: string;
  readonly verb: string;
  readonly path: string;
  /** Set when it was denied. */
  readonly why?: string;
}

/** The audit trail of writes. */
export interface AccessLog {
  record(access: Access, traceparent?: string): Promise<void>;
  /** A write of somebody unknown: an event each, up to a limit for each address; beyond it they are counted. */
  refuse(access: Access, address: string, traceparent: string): Promise<void>;
  /** Tells, once a minute and until the signal aborts, what was only counted. */
  settle(signal: AbortSignal): Promise<void>;
}

/** One kind of document, wherever it is kept. Every call may throw TranshipError. */
export interface Resource<D extends Document = Document> {
  list(): Promise<D[]>;
  get(name: string): Promise<D>;
  /** Stores it; `metadata.resourceVersion`, when given, must be the present one, and `0` means that it must be new. */
  put(document: D): Promise<D>;
  remove(name: string, resourceVersion?: string): Promise<void>;
}
