import {
  type Progress,
  type QueryInput,
  type QueryName,
  type QueryParsed,
  type QueryResult,
  queries,
  TranshipError,
} from '@tranship/contracts';
import { FakeClock } from '@tranship/service-kit/testing';
import type { FastifyInstance } from 'fastify';
import { accessLog } from '../adapters/access-log.ts';
import { httpServer } from '../adapters/http/server.ts';
import type { Streams } from '../adapters/http/streams.ts';
import { MapLog } from '../adapters/map-log.ts';
import type { Caller } from '../domain/access.ts';
import { endpoints } from '../endpoints.ts';
import type { AccessLog, World } from '../ports.ts';
import { MemoryLog } from './memory-log.ts';

type Answers = { [K in QueryName]?: (input: QueryParsed<K>) => QueryResult<K> | Promise<QueryResult<K>> };

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const callers: Record<string, Caller> = {
  'viewer-token': { name: 'vera', role: 'viewer' },
  'operator-token': { name: 'otto', role: 'operator' },
  'admin-token': { name: 'ada', role: 'admin' },
};

export interface Fixture {
  app: FastifyInstance;
  clock: FakeClock;
  accesses: AccessLog;
  log: MemoryLog;
  maps: MapLog;
  streams: Streams;
  /** What the other services were asked. */
  asked: { name: string; input: unknown }[];
  tell(value: Progress): void;
  send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    options?: { as?: string | null; body?: unknown; yaml?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; headers: Record<string, unknown>; json: Record<string, never>; text: string }>;
}

/** A whole gateway without NATS: other services answer as told. */
export function fixture(answers: Answers = {}): Fixture {
  const log = new MemoryLog();
  const clock = new FakeClock();
  const asked: Fixture['asked'] = [];
  const listeners = new Set<(value: Progress) => void>();
  const world: World = {
    events: log,
    clock,
    log: silent,
    object: async (name) => Buffer.from(`bytes of ${name}`),
    onProgress: (_, handler) => listeners.add(handler),
    ask: async <K extends QueryName>(name: K, input: QueryInput<K>): Promise<QueryResult<K>> => {
      asked.push({ name, input });
      const answer = answers[name];
      if (!answer) throw new TranshipError('service.unavailable', `${queries[name].service} did not answer ${name}`);
      return answer(queries[name].input.parse(input) as QueryParsed<K>) as QueryResult<K>;
    },
  };
  const maps = new MapLog(world);
  const accesses = accessLog(world);
  const tokens = { find: async (token: string) => callers[token] };
  const { app, streams } = httpServer({
    endpoints: endpoints(world, maps),
    tokens,
    accesses,
    clock,
    log: silent,
    ready: () => maps.ready,
  });
  return {
    app,
    clock,
    accesses,
    log,
    maps,
    streams,
    asked,
    tell: (value) => {
      for (const listener of listeners) listener(value);
    },
    send: async (method, url, { as = 'admin', body, yaml, headers = {} } = {}) => {
      const response = await app.inject({
        method,
        url,
        headers: {
          ...(as === null ? {} : { authorization: `Bearer ${as}-token` }),
          ...(yaml === undefined ? {} : { 'content-type': 'application/yaml' }),
          ...headers,
        },
        ...(yaml === undefined ? (body === undefined ? {} : { payload: body as object }) : { payload: yaml }),
      });
      const isJson = String(response.headers['content-type']).includes('json');
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        json: isJson ? response.json() : {},
      };
    },
  };
}

export const networkMap = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'tranship.dev/v1',
  kind: 'NetworkMap',
  metadata: { name, labels },
  spec: { source: 'vc1', entries: [{ source: { name: 'VM Network' }, target: { type: 'pod' } }] },
});

export const plan = (name: string) => ({
  apiVersion: 'tranship.dev/v1',
  kind: 'Plan',
  metadata: { name },
  spec: {
    source: 'vc1',
    target: { namespace: 'apps' },
    networkMap: 'nets',
    storageMap: 'stores',
    vms: [{ name: 'web-01' }],
  },
});
