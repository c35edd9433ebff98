import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { traceFields } from './tracing.ts';

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

/** Fields whose values never reach a log, at any of the depths that we log. */
const secrets = ['password', 'token', 'authorization', 'cookie', 'secret', 'credentials'];
const paths = secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** `to`: where the lines go, stdout if nothing else is said. */
export function createLogger(service: string, level: string, to?: DestinationStream): Logger {
  const options: LoggerOptions = {
    base: { service },
    level,
    mixin: traceFields,
    redact: { paths, censor: '[hidden]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return to ? pino(options, to) : pino(options);
}

/** What a log line may hold of an unknown error: class and message, without the objects that hang on it. */
export const errorFields = (error: unknown): object =>
  error instanceof Error ? { error: error.message, stack: error.stack } : { error: String(error) };
