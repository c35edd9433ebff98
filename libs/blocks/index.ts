export type { Area, Range } from './areas.ts';
export type { BlockSource, Source, StreamPiece, StreamSource } from './jobs.ts';
export { Root, sumLeaves } from './leaves.ts';
export { Ledger, markDiverged } from './ledger.ts';
export { type PassOptions, type PassResult, runPass, type Tuning } from './pass.ts';
export { type ProveOptions, prove } from './prove.ts';
export { Disk, type Sink } from './sink.ts';
export type { Binding, PassRequest, Proof } from './state.ts';
export { vmdkStream } from './vmdk.ts';
