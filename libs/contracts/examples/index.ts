export * from './documents.ts';
export * from './events.ts';
export * from './messages.ts';
export * from './queries.ts';
export * from './steps.ts';
