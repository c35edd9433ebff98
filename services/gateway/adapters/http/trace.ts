import { randomBytes } from 'node:crypto';
import { noSpan, type OpenSpan, openSpan } from '@tranship/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Trace {
  /** 32 hex digits. */
  readonly id: string;
  /** W3C, to hand on. */
  readonly parent: string;
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** The trace that is given, gone on with; or a new one. */
export function traceOf(traceparent: string | undefined): Trace {
  const id = traceparent === undefined ? undefined : pattern.exec(traceparent)?.[1];
  if (traceparent !== undefined && id !== undefined) return { id, parent: traceparent };
  const fresh = randomBytes(16).toString('hex');
  return { id: fresh, parent: `00-${fresh}-${randomBytes(8).toString('hex')}-01` };
}

/** The span of one request, until its answer is through. It begins the trace where the caller brought none. */
export function spanOf(request: FastifyRequest, reply: FastifyReply): OpenSpan {
  const { method, routeOptions, headers } = request;
  const parent = headers.traceparent as string | undefined;
  const route = routeOptions.url;
  // Probes and scrapes come every few seconds and tell nothing.
  if (!route?.startsWith('/v1/')) return noSpan(parent);
  const attributes = { 'http.request.method': method, 'http.route': route };
  const span = openSpan({ name: `${method} ${route}`, kind: 'server', parent, attributes });
  reply.raw.once('close', () => span.end({ 'http.response.status_code': reply.raw.statusCode }));
  return span;
}
