import { TranshipError } from '@tranship/contracts';
import type { OpenSpan } from '@tranship/service-kit';
import fastify, { type FastifyInstance } from 'fastify';
import type { Caller } from '../../domain/access.ts';
import type { Door } from './door.ts';
import { mergePatchType } from './endpoint.ts';
import { Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { sendProblem } from './problem.ts';
import { serve } from './serve.ts';
import { Streams } from './streams.ts';
import { spanOf, type Trace, traceOf } from './trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace;
    span: OpenSpan;
    caller: Caller | undefined;
  }
}

const bodyLimit = 1024 * 1024;
const requestTimeoutMs = 60_000;

/** The HTTP server with every endpoint; `listen` it, or `inject` requests. */
export function httpServer(door: Door): { app: FastifyInstance; streams: Streams } {
  const app = fastify({
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    logger: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
    ...(door.tls ? { https: door.tls } : {}),
  } as { logger: false }) as FastifyInstance;
  const streams = new Streams();
  const metrics = new Metrics(() => streams.count);
  app.decorateRequest('trace', undefined as unknown as Trace);
  app.decorateRequest('span', undefined as unknown as OpenSpan);
  app.decorateRequest('caller', undefined);
  bodies(app);

  app.addHook('onRequest', async (request, reply) => {
    request.span = spanOf(request, reply);
    request.trace = traceOf(request.span.traceparent);
    reply.header('x-trace-id', request.trace.id);
    reply.header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    metrics.observe(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    const fields = { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    door.log.debug({ ...fields, traceId: request.trace.id, who: request.caller?.name }, 'answered');
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = sendProblem(request, reply, thrown);
    if (reply.statusCode < 500) return;
    request.span.fail(error);
    const fields = { code: error.code, detail: error.detail, traceId: request.trace.id };
    door.log.error(error.code === 'service.internal' ? { ...fields, stack: error.stack } : fields, 'request failed');
  });
  app.setNotFoundHandler((request, reply) => {
    const detail = `${request.method} ${request.url.split('?')[0]} is no path of this API; see /v1/openapi.json`;
    sendProblem(request, reply, new TranshipError('document.not-found', detail));
  });

  for (const endpoint of door.endpoints) serve(app, endpoint, door, streams);
  plain(app, door, metrics);
  return { app, streams };
}

/** What needs no token. */
function plain(app: FastifyInstance, door: Door, metrics: Metrics): void {
  app.get('/healthz', (_, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_, reply) => {
    const ok = door.ready();
    reply
      .code(ok ? 200 : 503)
      .type('text/plain')
      .send(ok ? 'ok\n' : 'no\n');
  });
  app.get('/metrics', (_, reply) => reply.type('text/plain; version=0.0.4').send(metrics.text()));
  const description = openApi(door.endpoints);
  app.get('/v1/openapi.json', () => description);
}

/** JSON (an empty body is none), and YAML as text: documents are read from it with line numbers. */
function bodies(app: FastifyInstance): void {
  const json = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  for (const type of ['application/json', mergePatchType]) {
    app.addContentTypeParser<string>(type, { parseAs: 'string' }, (request, body, done) => {
      if (body === '') done(null, undefined);
      else json(request, body, done);
    });
  }
  for (const type of ['application/yaml', 'application/x-yaml', 'text/yaml']) {
    app.addContentTypeParser(type, { parseAs: 'string' }, (_, body, done) => done(null, body));
  }
}
