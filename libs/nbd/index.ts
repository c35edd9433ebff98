export { type ConnectOptions, NbdClient } from './client.ts';
export type { Extent } from './extents.ts';
export { NbdSink } from './sink.ts';
export type { Address, TlsOptions } from './wire.ts';
