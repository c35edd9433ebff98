import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  type Authenticator,
  connect,
  createInbox,
  type NatsConnection,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { inboxPrefix, TranshipError } from '@tranship/contracts';
import { type SpanRunner, untraced } from './span.ts';

export interface BusOptions {
  /** `nats://host:port`, several divided by commas. */
  url: string;
  user?: string | undefined;
  /** A file with the password: a secret stays out of arguments and environment. */
  passwordFile?: string | undefined;
  /** The authority of the server's certificate (PEM); with it the connection is encrypted, or is not. */
  caFile?: string | undefined;
  /** Shown in the server's connection list. */
  name: string;
  /** Those who may not make the streams find them made. */
  makeStreams?: boolean;
  /** Servers that hold each stream, at least; 1. */
  replicas?: number;
  /** Traces what is sent and answered. */
  span?: SpanRunner;
  /** Of leases. */
  clock?: Time;
}

export interface Time {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
const systemTime: Time = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { ...(signal ? { signal } : {}), ref: false }),
};

/** One connection and the JetStream handles on it. Reconnects for ever; a request while it is down fails by its deadline. */
export interface Connection {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** False while the server is away. */
  up(): boolean;
  readonly span: SpanRunner;
  readonly clock: Time;
  /** A new one of our own: the user may hear no other. */
  inbox(): string;
}

/** Deadline of one JetStream API call. */
export const apiTimeoutMs = 10_000;

export async function openConnection(options: BusOptions): Promise<Connection> {
  let nc: NatsConnection | undefined;
  try {
    nc = await connect({
      servers: options.url.split(','),
      name: options.name,
      ...(options.user === undefined ? {} : as(options.user, options.passwordFile)),
      ...(options.caFile === undefined ? {} : { tls: { caFile: options.caFile } }),
      // A password that is just being changed is no reason to give up for ever.
      ignoreAuthErrorAbort: true,
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
      up: watch(nc),
      span: options.span ?? untraced,
      clock: options.clock ?? systemTime,
      inbox: () => createInbox(options.user === undefined ? undefined : inboxPrefix(options.user)),
    };
  } catch (cause) {
    await nc?.close();
    const detail = `NATS at ${options.url}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new TranshipError('service.unavailable', detail, { cause });
  }
}

const as = (user: string, passwordFile: string | undefined) => ({
  authenticator: authenticator(user, passwordFile),
  inboxPrefix: inboxPrefix(user),
});

/** Reads the password again at each reconnection: it may have been changed. */
function authenticator(user: string, passwordFile: string | undefined): Authenticator {
  const password = () => (passwordFile === undefined ? '' : readFileSync(passwordFile, 'utf8').trim());
  password();
  return usernamePasswordAuthenticator(user, password);
}

function watch(nc: NatsConnection): () => boolean {
  let up = true;
  const follow = async () => {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') up = false;
      if (type === 'reconnect') up = true;
    }
  };
  void follow();
  return () => up && !nc.isClosed();
}
