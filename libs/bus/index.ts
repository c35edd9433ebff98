export { Bus } from './bus.ts';
export { type CommandQueue, type ConsumeOptions, workbenchConsumer } from './command-queue.ts';
export type { BusOptions, Time } from './connection.ts';
export { BusConflict } from './errors.ts';
export type { AppendContext, NewEvent, StoredEvent } from './event-log.ts';
export type { Lease, Leases } from './lease.ts';
export { Objects, type Owner } from './objects.ts';
export type { Known, Outcome, StepIds } from './outcomes.ts';
export type { SpanOptions, SpanRunner } from './span.ts';
