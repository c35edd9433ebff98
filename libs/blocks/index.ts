export { type BlockSource, type CopyOptions, copy } from './copy.ts';
export { type Binding, type Head, Ledger, markDiverged } from './ledger.ts';
export { type ProveOptions, prove } from './prove.ts';
export { Disk } from './sink.ts';
