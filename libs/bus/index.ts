export { Bus } from './bus.ts';
export type { ConsumeOptions } from './command-queue.ts';
export type { BusOptions } from './connection.ts';
export { BusConflict } from './errors.ts';
export type { AppendContext, NewEvent, StoredEvent } from './event-log.ts';
export { Objects } from './objects.ts';
export type { SpanOptions, SpanRunner } from './span.ts';
