export { Cluster } from './cluster.ts';
export type { Kind, KubeObject } from './kinds.ts';
export type { Waiting, Watched } from './watch.ts';
