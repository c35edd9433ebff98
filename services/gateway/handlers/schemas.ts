import { type DocumentKind, documentKinds, TranshipError } from '@tranship/contracts';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import { jsonSchema } from '../adapters/http/openapi.ts';

/** The JSON Schema of each kind, for editors. */
export const schemaEndpoints = (): Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/schemas/{kind}',
    summary: `JSON Schema of a kind of document: ${Object.keys(documentKinds).join(', ')}`,
    role: 'viewer',
    write: false,
    handle: async ({ params }) => {
      const kind = params.kind!;
      if (!Object.hasOwn(documentKinds, kind))
        throw new TranshipError('document.not-found', `there is no kind ${kind}`);
      const schema = jsonSchema(documentKinds[kind as DocumentKind], 'input');
      return { body: { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema } };
    },
  }),
];
