import { TranshipError } from '@tranship/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { denial } from '../../domain/access.ts';
import { checked } from './checked.ts';
import type { Door } from './door.ts';
import type { Endpoint, Reply } from './endpoint.ts';
import type { Streams } from './streams.ts';

/** Serves one endpoint: who, may they, is it well formed, do it. The first two come before the body is read. */
export function serve(app: FastifyInstance, endpoint: Endpoint, door: Door, streams: Streams): void {
  app.route({
    method: endpoint.method,
    url: endpoint.path.replace(/\{(\w+)\}/g, ':$1'),
    exposeHeadRoute: false,
    onRequest: (request) => request.span.run(() => admit(request, endpoint, door)),
    // Again: the body's end, which leads here, comes in a context of its own.
    handler: (request, reply) => request.span.run(() => answer(request, reply, endpoint, streams)),
  });
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: Endpoint,
  streams: Streams,
): Promise<FastifyReply> {
  const query = endpoint.query ? checked(endpoint.query, request.query) : {};
  const raw = request.body;
  const body = endpoint.parseBody ? endpoint.parseBody(raw) : endpoint.body ? checked(endpoint.body, raw) : undefined;
  const given = await endpoint.handle({
    params: request.params as Record<string, string>,
    query,
    body,
    caller: request.caller!,
    header: (name) => {
      if (!endpoint.headers?.includes(name)) throw new Error(`${endpoint.path} reads ${name}, and does not say so`);
      return request.headers[name.toLowerCase()]?.toString();
    },
  });
  return send(request, reply, endpoint, given, streams);
}

async function admit(request: FastifyRequest, { role, write }: Endpoint, { tokens, accesses }: Door): Promise<void> {
  const verb = request.method;
  const path = request.url.split('?')[0]!;
  const token = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const caller = token === undefined ? undefined : await tokens.find(token);
  if (!caller) {
    const why = token === undefined ? 'no bearer token was given' : 'the bearer token is not known';
    if (write) await accesses.refuse({ who: 'anonymous', verb, path, why }, request.ip, request.trace.parent);
    throw new TranshipError('access.unauthenticated', why);
  }
  request.caller = caller;
  const why = denial(caller, role);
  if (write) {
    const access = { who: caller.name, verb, path, ...(why === undefined ? {} : { why }) };
    await accesses.record(access, request.trace.parent);
  }
  if (why !== undefined) throw new TranshipError('access.denied', why);
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: Endpoint,
  answer: Reply,
  streams: Streams,
): Promise<FastifyReply> {
  if ('stream' in answer) {
    const headers = { 'x-trace-id': request.trace.id };
    return streams.run(reply, headers, answer.stream);
  }
  if ('bytes' in answer) return reply.type(answer.type).send(Buffer.from(answer.bytes));
  const status = answer.status ?? endpoint.status ?? 200;
  reply.code(status).headers({ ...answer.headers });
  return answer.body === undefined ? reply.send() : reply.type('application/json').send(JSON.stringify(answer.body));
}
