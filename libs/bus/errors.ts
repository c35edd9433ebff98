import { JetStreamApiError } from '@nats-io/jetstream';

/** Somebody else appended to the same aggregate first: load it again and decide anew. */
export class BusConflict extends Error {
  override readonly name = 'BusConflict';
}

/** JetStream's error codes that we tell apart. */
const wrongLastSequence = new Set([10071, 10164]);

export const isWrongLastSequence = (error: unknown): boolean =>
  error instanceof JetStreamApiError && wrongLastSequence.has(error.code);
