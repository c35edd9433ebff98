import {
  checkDocument,
  type Document,
  type DocumentKind,
  documentKinds,
  pageOf,
  parseDocuments,
  TranshipError,
} from '@tranship/contracts';
import { z } from 'zod';
import { type Call, type Endpoint, endpoint, mergePatchType } from '../adapters/http/endpoint.ts';
import type { Role } from '../domain/access.ts';
import { labelSelector } from '../domain/label-selector.ts';
import { mergePatch } from '../domain/merge-patch.ts';
import type { Resource } from '../ports.ts';

export const pageQuery = {
  limit: z.coerce.number().int().positive().max(500).default(500),
  continue: z.string().optional(),
};
const listQuery = z.strictObject({ ...pageQuery, labelSelector: z.string().optional() });

interface Served<D extends Document> {
  readonly kind: DocumentKind;
  readonly plural: string;
  /** Role that a write needs. */
  readonly role: Role;
  readonly resource: Resource<D>;
}

/** List, create, read, replace and delete of one kind of document. */
export function documentEndpoints<D extends Document>({ kind, plural, role, resource }: Served<D>): Endpoint[] {
  const schema = documentKinds[kind] as unknown as z.ZodType<D>;
  const one = `/v1/${plural}/{name}`;
  const parseBody = (raw: unknown) => document(raw, kind) as D;
  return [
    endpoint({
      method: 'GET',
      path: `/v1/${plural}`,
      summary: `All documents of kind ${kind}, by name`,
      role: 'viewer',
      write: false,
      query: listQuery,
      result: z.object({ items: z.array(schema), continue: z.string().optional() }),
      handle: async ({ query: { labelSelector: selector, ...page } }) => {
        const chosen = selector === undefined ? () => true : labelSelector(selector);
        const items = (await resource.list()).filter(({ metadata }) => chosen(metadata.labels ?? {}));
        return { body: pageOf(items, ({ metadata }) => metadata.name, page) };
      },
    }),
    endpoint({
      method: 'POST',
      path: `/v1/${plural}`,
      summary: `Creates a ${kind}; its name must be free`,
      role,
      write: true,
      headers: ['Idempotency-Key'],
      body: schema,
      parseBody,
      result: schema,
      status: 201,
      handle: async (call) => {
        const { name } = call.body.metadata;
        const existing = await found(resource, name);
        if (existing && call.header('Idempotency-Key') !== undefined && essence(existing) === essence(call.body))
          return stored(plural, existing, 200);
        if (existing) throw new TranshipError('document.conflict', `there is a ${kind} ${name} already`);
        return stored(plural, await resource.put(call.body), 201);
      },
    }),
    endpoint({
      method: 'GET',
      path: one,
      summary: `One ${kind}`,
      role: 'viewer',
      write: false,
      result: schema,
      handle: async ({ params }) => stored(plural, await resource.get(params.name!), 200),
    }),
    endpoint({
      method: 'PUT',
      path: one,
      summary: `Stores a ${kind}: creates it, or replaces the version that If-Match or metadata.resourceVersion names`,
      role,
      write: true,
      headers: ['If-Match'],
      body: schema,
      parseBody,
      result: schema,
      handle: async (call) => {
        const name = call.params.name!;
        refuseOther(name, call.body);
        const existing = await found(resource, name);
        const wanted = ifMatch(call) ?? call.body.metadata.resourceVersion;
        match(kind, name, existing, wanted);
        const next = withVersion(call.body, existing && wanted !== '*' ? wanted : undefined);
        return stored(plural, await resource.put(next), existing ? 200 : 201);
      },
    }),
    endpoint({
      method: 'PATCH',
      path: one,
      summary: `Changes a ${kind} by a JSON merge patch (RFC 7396): what is null is removed, a list is replaced whole`,
      role,
      write: true,
      headers: ['If-Match'],
      consumes: [mergePatchType, 'application/json'],
      body: z.record(z.string(), z.unknown()),
      result: schema,
      handle: async (call) => stored(plural, await patched({ kind, resource }, call.params.name!, call), 200),
    }),
    endpoint({
      method: 'DELETE',
      path: one,
      summary: `Deletes a ${kind}`,
      role,
      write: true,
      headers: ['If-Match'],
      status: 204,
      handle: async (call) => {
        const name = call.params.name!;
        const wanted = ifMatch(call);
        if (wanted !== undefined) match(kind, name, await found(resource, name), wanted);
        await resource.remove(name, wanted === '*' ? undefined : wanted);
        return { status: 204 };
      },
    }),
  ];
}

const races = 5;

/** The document as the patch leaves it. Without a version in the request it is put on whatever is there, however often that changes meanwhile. */
async function patched<D extends Document>(
  { kind, resource }: Pick<Served<D>, 'kind' | 'resource'>,
  name: string,
  call: Call<Record<string, unknown>>,
): Promise<D> {
  const given = ifMatch(call) ?? (call.body.metadata as { resourceVersion?: unknown } | null)?.resourceVersion;
  const wanted = given === undefined || given === null ? undefined : String(given);
  for (let race = 1; ; race++) {
    const existing = await resource.get(name);
    match(kind, name, existing, wanted);
    const next = document(mergePatch(existing, call.body), kind) as D;
    refuseOther(name, next);
    try {
      return await resource.put(withVersion(next, existing.metadata.resourceVersion));
    } catch (error) {
      const raced = error instanceof TranshipError && error.code === 'document.conflict';
      if (!raced || race === races || (wanted !== undefined && wanted !== '*')) throw error;
    }
  }
}

function refuseOther(name: string, { metadata }: Document): void {
  if (metadata.name === name) return;
  const detail = `metadata.name: ${metadata.name} was sent to the address of ${name}`;
  throw new TranshipError('document.invalid', detail, { path: 'metadata.name' });
}

/** A body as a document of this kind; a text is YAML, and its errors name the line. */
export function document(raw: unknown, kind: DocumentKind): Document {
  const documents = typeof raw === 'string' ? parseDocuments(raw) : [checkDocument(raw)];
  const [only] = documents;
  if (documents.length !== 1 || only === undefined)
    throw new TranshipError('document.invalid', `one ${kind} is wanted, ${documents.length} documents were sent`);
  if (only.kind !== kind)
    throw new TranshipError('document.invalid', `kind: ${only.kind} was sent where ${kind} is wanted`, {
      path: 'kind',
    });
  const { status: _, ...given } = only;
  return given as Document;
}

async function found<D extends Document>(resource: Resource<D>, name: string): Promise<D | undefined> {
  return resource.get(name).catch((error: unknown) => {
    if (error instanceof TranshipError && error.code === 'document.not-found') return undefined;
    throw error;
  });
}

const stored = (plural: string, body: Document, status: number) => {
  const { name, resourceVersion } = body.metadata;
  const headers = {
    ...(resourceVersion === undefined ? {} : { etag: `"${resourceVersion}"` }),
    ...(status === 201 ? { location: `/v1/${plural}/${name}` } : {}),
  };
  return { status, headers, body };
};

/** The resource version in If-Match: `"7"`, or `*` for any. */
const ifMatch = (call: Call): string | undefined => call.header('If-Match')?.replace(/^(W\/)?"(.*)"$/, '$2');

function match(kind: string, name: string, existing: Document | undefined, wanted: string | undefined): void {
  if (wanted === undefined || (wanted === '*' && existing)) return;
  const current = existing?.metadata.resourceVersion;
  if (existing && wanted === current) return;
  const has = existing ? `has the version ${current}` : 'does not exist';
  throw new TranshipError('document.conflict', `the ${kind} ${name} ${has}, the request is for ${wanted}`);
}

/** Generation and times are the server's; the version is what the write depends on, if anything. */
function withVersion<D extends Document>(given: D, resourceVersion: string | undefined): D {
  const { name, labels, annotations } = given.metadata;
  const metadata = {
    name,
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {}),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { ...given, metadata };
}

const essence = ({ spec, metadata: { labels = {}, annotations = {} } }: Document) =>
  JSON.stringify({ spec, labels, annotations });
