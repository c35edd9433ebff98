export { Cluster } from './cluster.ts';
export type { Kind, KubeObject } from './kinds.ts';
