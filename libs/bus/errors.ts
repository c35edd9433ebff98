import { JetStreamApiError } from '@nats-io/jetstream';
import { ClosedConnectionError, DrainingConnectionError, RequestError, TimeoutError } from '@nats-io/transport-node';
import { TranshipError } from '@tranship/contracts';

/** Somebody else appended to the same aggregate first: load it again and decide anew. */
export class BusConflict extends Error {
  override readonly name = 'BusConflict';
}

/** JetStream's error codes that we tell apart. */
const wrongLastSequence = new Set([10071, 10164]);
const consumerExists = 10148;
const consumerNotFound = 10014;
const streamExists = 10058;

export const isWrongLastSequence = (error: unknown): boolean =>
  error instanceof JetStreamApiError && wrongLastSequence.has(error.code);

export const isConsumerExists = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === consumerExists;

export const isConsumerNotFound = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === consumerNotFound;

export const isStreamExists = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === streamExists;

/** Nobody listens on the subject asked. */
export const isNoResponders = (error: unknown): boolean => error instanceof RequestError && error.isNoResponders();

const kinds = [TimeoutError, RequestError, ClosedConnectionError, DrainingConnectionError];
/** `JetStreamNotEnabled`: the server takes connections before its JetStream is up. */
const isAway = (error: unknown): boolean =>
  kinds.some((kind) => error instanceof kind) || (error instanceof Error && error.name === 'JetStreamNotEnabled');

/** Runs one call to the server; that it is away, or starting, is `service.unavailable`. */
export async function call<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!isAway(cause)) throw cause;
    throw new TranshipError('service.unavailable', `NATS does not answer: ${what}`, { cause });
  }
}
