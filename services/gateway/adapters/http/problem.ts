import { type ErrorCode, errorCatalogue, problemSchema, TranshipError } from '@tranship/contracts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

export const problemMediaType = 'application/problem+json';

/** RFC 9457 with our own members. */
export const httpProblemSchema = z.intersection(
  problemSchema,
  z.object({ type: z.string(), status: z.number().int(), traceId: z.string() }),
);

/** Fastify's own refusals (a body that is no JSON, too large …) in our terms; the HTTP status stays. */
function ofFastify(error: FastifyError): { error: TranshipError; status: number } | undefined {
  const { statusCode, code } = error;
  if (statusCode === undefined || statusCode >= 500) return undefined;
  const codes: Record<number, ErrorCode> = { 404: 'document.not-found' };
  const detail = code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? 'the body is larger than 1 MiB' : error.message;
  return { error: new TranshipError(codes[statusCode] ?? 'document.invalid', detail), status: statusCode };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, thrown: unknown): TranshipError {
  const known = thrown instanceof TranshipError ? undefined : ofFastify(thrown as FastifyError);
  const error = known?.error ?? TranshipError.from(thrown);
  const status = known?.status ?? errorCatalogue[error.code].status;
  const internal = !known && !(thrown instanceof TranshipError);
  // What went wrong inside is for the log; the trace id finds it there.
  const problem = { ...error.toProblem(), ...(internal ? { detail: 'see the log of the gateway' } : {}) };
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="tranship"');
  reply
    .code(status)
    .type(problemMediaType)
    .send({ type: `urn:tranship:error:${error.code}`, status, ...problem, traceId: request.trace.id });
  return error;
}
