import { checkSchema, type InventoryKind, inventoryKinds, whereSchema } from '@tranship/contracts';
import { z } from 'zod';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import type { Ask } from '../ports.ts';

/** A page of inventory is what fits one answer between services. */
const pageQuery = z.strictObject({
  limit: z.coerce.number().int().positive().max(500).default(100),
  continue: z.string().optional(),
  where: whereSchema.optional(),
});

/** What one does with a provider besides storing it. */
export function providerEndpoints(ask: Ask): Endpoint[] {
  const inventory = (Object.keys(inventoryKinds) as InventoryKind[]).map((kind) =>
    endpoint({
      method: 'GET',
      path: `/v1/providers/{name}/inventory/${kind}`,
      summary: `The ${kind} of a provider`,
      role: 'viewer',
      write: false,
      query: pageQuery,
      result: z.object({ items: z.array(inventoryKinds[kind]), continue: z.string().optional() }),
      handle: async ({ params, query }) => ({ body: await ask(kind, { provider: params.name!, ...query }) }),
    }),
  );
  return [
    ...inventory,
    endpoint({
      method: 'POST',
      path: '/v1/providers/{name}/test',
      summary:
        'Tries a provider: reachable, certificate, login, time skew, inventory, each privilege by its name, data path',
      role: 'operator',
      write: true,
      result: z.object({ checks: z.array(checkSchema) }),
      handle: async ({ params }) => ({ body: await ask('testProvider', { name: params.name! }) }),
    }),
    endpoint({
      method: 'POST',
      path: '/v1/fetch-ca',
      summary: 'The certificate that a vCenter shows, to be compared with what its administrator knows',
      role: 'operator',
      write: true,
      body: z.strictObject({ url: z.url() }),
      result: z.object({ pem: z.string(), thumbprint: z.string(), sha256: z.string() }),
      handle: async ({ body }) => ({ body: await ask('fetchCa', body) }),
    }),
  ];
}
