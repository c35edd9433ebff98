export { type Clock, systemClock } from './clock.ts';
export { type BaseConfig, baseConfig, envName, loadConfig, workbenchConfig } from './config.ts';
export { createLogger, errorFields, type Logger } from './logger.ts';
export { type PollOptions, poll, type RetryOptions, retry } from './retry.ts';
export { type Running, runService, startService } from './run-service.ts';
export type { Kit, QueryContext, ServiceTable, StepContext } from './table.ts';
export { currentTraceparent, noSpan, type OpenSpan, openSpan } from './tracing.ts';
