export * from './common.ts';
export * from './defaults.ts';
export * from './maps.ts';
export { nearest } from './nearest.ts';
export * from './parse.ts';
export * from './plan.ts';
export * from './provider.ts';
