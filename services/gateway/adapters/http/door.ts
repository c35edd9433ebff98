import type { Clock, Logger } from '@tranship/service-kit';
import type { AccessLog, Tokens } from '../../ports.ts';
import type { Endpoint } from './endpoint.ts';

/** What the HTTP server is made of. */
export interface Door {
  readonly endpoints: readonly Endpoint[];
  readonly tokens: Tokens;
  readonly accesses: AccessLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ready: () => boolean;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}
