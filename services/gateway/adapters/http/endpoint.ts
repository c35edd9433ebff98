import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Caller, Role } from '../../domain/access.ts';

/** RFC 7396. */
export const mergePatchType = 'application/merge-patch+json';
export type HeaderName = 'Idempotency-Key' | 'If-Match' | 'Last-Event-ID';

export interface Call<B = unknown, Q = unknown> {
  /** From the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  /** One of those that the endpoint declares. */
  header(name: HeaderName): string | undefined;
}

/** What goes back: JSON, a file, or (for server-sent events) whatever `stream` writes until its signal aborts. */
export type Reply =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | { readonly type: string; readonly bytes: Uint8Array }
  | { readonly stream: (response: ServerResponse, signal: AbortSignal) => Promise<void> };

/** One path of the REST API, declared once: served, checked and described by it. */
export interface Endpoint<B extends z.ZodType = z.ZodType, Q extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for its parts. */
  readonly path: string;
  readonly summary: string;
  readonly role: Role;
  /** A write: each allow and deny of it is an event. */
  readonly write: boolean;
  /** What of the request's headers it heeds: no other is described, and none can be read. */
  readonly headers?: readonly HeaderName[];
  readonly query?: Q;
  readonly body?: B;
  /** Checks the body in its own way, e.g. as a document whose text may be YAML. */
  readonly parseBody?: (raw: unknown) => z.output<B>;
  /** What the body comes as; JSON, and YAML too where `parseBody` reads it. */
  readonly consumes?: readonly string[];
  readonly result?: z.ZodType;
  /** The usual status; 200. */
  readonly status?: number;
  readonly handle: (call: Call<z.output<B>, z.output<Q>>) => Promise<Reply>;
}

/** Keeps the types of body and query inside the handler and lets the table forget them. */
export const endpoint = <B extends z.ZodType, Q extends z.ZodType>(declared: Endpoint<B, Q>): Endpoint =>
  declared as unknown as Endpoint;
