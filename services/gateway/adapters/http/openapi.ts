import {
  checkSchema,
  concernSchema,
  documentKinds,
  migrationSchema,
  timelineEntrySchema,
  validationSchema,
} from '@tranship/contracts';
import { z } from 'zod';
import { roles } from '../../domain/access.ts';
import type { Endpoint } from './endpoint.ts';
import { httpProblemSchema } from './problem.ts';

/** Shapes with a name of their own. */
const named: Record<string, z.ZodType> = {
  ...documentKinds,
  Migration: migrationSchema,
  TimelineEntry: timelineEntrySchema,
  Validation: validationSchema,
  Concern: concernSchema,
  Check: checkSchema,
  Problem: httpProblemSchema,
};
const nameOf = new Map(Object.entries(named).map(([name, schema]) => [schema, name]));

export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

const reference = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const name = nameOf.get(schema);
  return name === undefined ? jsonSchema(schema, io) : { $ref: `#/components/schemas/${name}` };
};

const json = (schema: object) => ({ 'application/json': { schema } });

/** The OpenAPI 3.1 description of the endpoints. */
export function openApi(endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] ??= {};
    paths[endpoint.path]![endpoint.method.toLowerCase()] = operation(endpoint);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tranship', version: 'v1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, jsonSchema(schema, 'input')])),
    },
  };
}

function operation(endpoint: Endpoint): object {
  const { summary, role, headers = [], query, body, parseBody, result, status = 200 } = endpoint;
  const { consumes = ['application/json', ...(parseBody ? ['application/yaml'] : [])] } = endpoint;
  const names = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...queryParameters(query),
    ...headers.map((name) => ({ name, in: 'header', schema: { type: 'string' } })),
  ];
  const schema = body === undefined ? undefined : reference(body, 'input');
  const content = schema && Object.fromEntries(consumes.map((type) => [type, { schema }]));
  const problem = { $ref: '#/components/schemas/Problem' };
  return {
    operationId: operationId(endpoint),
    summary,
    description: `Role: ${roles.slice(roles.indexOf(role)).join(' or ')}.`,
    parameters,
    ...(content ? { requestBody: { content } } : {}),
    responses: {
      [status]: result
        ? { description: summary, content: json(reference(result, 'output')) }
        : { description: summary },
      default: { description: 'It failed', content: { 'application/problem+json': { schema: problem } } },
    },
  };
}

function queryParameters(query: z.ZodType | undefined): object[] {
  const shape = (query as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {};
  return Object.entries(shape).map(([name, schema]) => ({ name, in: 'query', schema: jsonSchema(schema, 'input') }));
}

/** `POST /v1/plans/{name}/start` -> `post_plans_name_start`. */
const operationId = ({ method, path }: Endpoint) =>
  `${method.toLowerCase()}${path.replace('/v1', '').replace(/[{}]/g, '').replace(/[/-]/g, '_')}`;
