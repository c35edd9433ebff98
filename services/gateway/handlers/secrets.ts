import { nameSchema } from '@tranship/contracts';
import { z } from 'zod';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import type { Ask } from '../ports.ts';

const credential = z.strictObject({ name: nameSchema, username: z.string().min(1), password: z.string().min(1) });

/** Credentials go in and never come out. */
export const secretEndpoints = (ask: Ask): Endpoint[] => [
  endpoint({
    method: 'POST',
    path: '/v1/secrets',
    summary: "Stores or replaces a credential in Tranship's own namespace",
    role: 'admin',
    write: true,
    body: credential,
    result: z.object({ name: z.string() }),
    status: 201,
    handle: async ({ body: { name, ...data } }) => {
      await ask('putSecret', { name, data });
      return { body: { name } };
    },
  }),
];
