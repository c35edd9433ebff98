import { readFileSync } from 'node:fs';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { TranshipError } from '@tranship/contracts';

export interface BusOptions {
  /** `nats://host:port`, several divided by commas. */
  url: string;
  user?: string | undefined;
  /** A file with the password: a secret stays out of arguments and environment. */
  passwordFile?: string | undefined;
  /** Shown in the server's connection list. */
  name: string;
}

/** One connection and the JetStream handles on it. Reconnects for ever; a request while it is down fails by its deadline. */
export interface Connection {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

/** Deadline of one JetStream API call. */
const apiTimeoutMs = 10_000;

export async function openConnection(options: BusOptions): Promise<Connection> {
  const pass = options.passwordFile === undefined ? undefined : readFileSync(options.passwordFile, 'utf8').trim();
  try {
    const nc = await connect({
      servers: options.url.split(','),
      name: options.name,
      user: options.user,
      pass,
      timeout: 5_000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: 10_000,
      maxPingOut: 2,
    });
    return {
      nc,
      js: jetstream(nc, { timeout: apiTimeoutMs }),
      jsm: await jetstreamManager(nc, { timeout: apiTimeoutMs }),
    };
  } catch (cause) {
    const detail = `NATS at ${options.url}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new TranshipError('service.unavailable', detail, { cause });
  }
}
