export * from './documents.ts';
export * from './events.ts';
export * from './queries.ts';
export * from './steps.ts';
