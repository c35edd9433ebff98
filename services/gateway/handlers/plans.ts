import { type Plan, planSchema, validationSchema } from '@tranship/contracts';
import { z } from 'zod';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import type { Ask } from '../ports.ts';
import { document } from './documents.ts';

const objects = z.object({ objects: z.array(z.unknown()) });
const vmQuery = z.strictObject({ vm: z.string().optional() });
const flag = z.union([z.boolean(), z.enum(['true', 'false', '']).transform((text) => text !== 'false')]);
const startOptions = z.strictObject({ readyOnly: flag.optional() });

/** Validation, preview, start and archiving: of a stored plan, or (the first two) of one that is not stored. */
export function planEndpoints(ask: Ask): Endpoint[] {
  const parseBody = (raw: unknown) => document(raw, 'Plan') as Plan;
  const preview = async (of: { name: string } | { plan: Plan }, vm: string | undefined) => {
    const { spec } = 'plan' in of ? of.plan : await ask('getPlan', of);
    const { targets } = await ask('targetsOf', { ...of, ...(vm === undefined ? {} : { vm }) });
    const connection = await ask('connection', { name: spec.source });
    return { body: await ask('previewPlan', { targets, connection }) };
  };
  return [
    endpoint({
      method: 'POST',
      path: '/v1/plans/{name}/validate',
      summary: 'Every concern of every VM of the plan',
      role: 'viewer',
      write: false,
      result: validationSchema,
      handle: async ({ params }) => ({ body: await ask('validatePlan', { name: params.name! }) }),
    }),
    endpoint({
      method: 'POST',
      path: '/v1/plans/{name}/preview',
      summary: 'The objects that the plan would make on the target',
      role: 'viewer',
      write: false,
      query: vmQuery,
      result: objects,
      handle: ({ params, query }) => preview({ name: params.name! }, query.vm),
    }),
    endpoint({
      method: 'POST',
      path: '/v1/plans/{name}/start',
      summary: 'Starts a migration; the same Idempotency-Key gives the same migration',
      role: 'operator',
      write: true,
      headers: ['Idempotency-Key'],
      query: startOptions,
      body: startOptions.optional(),
      result: z.object({ migration: z.string() }),
      status: 202,
      handle: async ({ params, query, body, header }) => {
        const key = header('Idempotency-Key');
        const readyOnly = body?.readyOnly ?? query.readyOnly ?? false;
        const { migration } = await ask('startPlan', { name: params.name!, readyOnly, ...(key ? { key } : {}) });
        return { status: 202, headers: { location: `/v1/migrations/${migration}` }, body: { migration } };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/v1/plans/{name}/archive',
      summary: 'Tidies up after a plan whose migrations are over; status.archived says when that is done',
      role: 'operator',
      write: true,
      result: planSchema,
      status: 202,
      handle: async ({ params }) => ({
        status: 202,
        headers: { location: `/v1/plans/${params.name}` },
        body: await ask('archivePlan', { name: params.name! }),
      }),
    }),
    endpoint({
      method: 'POST',
      path: '/v1/validate',
      summary: 'Every concern of every VM of a plan that is not stored',
      role: 'viewer',
      write: false,
      body: planSchema,
      parseBody,
      result: validationSchema,
      handle: async ({ body }) => ({ body: await ask('validatePlan', { plan: body }) }),
    }),
    endpoint({
      method: 'POST',
      path: '/v1/preview',
      summary: 'The objects that a plan that is not stored would make on the target',
      role: 'viewer',
      write: false,
      query: vmQuery,
      body: planSchema,
      parseBody,
      result: objects,
      handle: ({ body, query }) => preview({ plan: body }, query.vm),
    }),
  ];
}
