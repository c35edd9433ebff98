import type { MigrationStatus } from '@tranship/contracts';
import { migrationSchema } from '@tranship/contracts';
import { CliError, exits, fromProblem } from './errors.ts';

export interface ApiOptions {
  readonly server: string;
  readonly token?: string | undefined;
  /** Aborts everything: the limit of the whole command. */
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly fetch?: typeof fetch;
}

/** Anything that checks and types an answer: the schemas of contracts. */
interface Schema<T> {
  parse(value: unknown): T;
}

interface Send {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The gateway answers within this, or never: its own questions have at most half of it. */
const answerMs = 60_000;
const maxPages = 10_000;
const path = (parts: readonly string[]) => `/v1/${parts.map(encodeURIComponent).join('/')}`;

/** The one REST client: knows addresses, deadlines and errors. Every call throws CliError. */
export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  get server(): string {
    return this.#options.server;
  }

  /** Aborts when the command's time is over. */
  get signal(): AbortSignal {
    return this.#options.signal ?? new AbortController().signal;
  }

  async get<T>(parts: readonly string[], schema: Schema<T>, query: Send['query'] = {}): Promise<T> {
    return schema.parse(await json(await this.request('GET', parts, { query })));
  }

  /** As the server gives it; undefined when there is none. */
  async find<T>(parts: readonly string[], schema: Schema<T>): Promise<T | undefined> {
    return this.get(parts, schema).catch((error: unknown) => {
      if (error instanceof CliError && error.exit === exits.notFound) return undefined;
      throw error;
    });
  }

  /** Every item of a list, page by page. */
  async list<T>(parts: readonly string[], schema: Schema<T>, query: Send['query'] = {}): Promise<T[]> {
    const items: T[] = [];
    let next: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const answer = (await json(await this.request('GET', parts, { query: { ...query, continue: next } }))) as {
        items: unknown[];
        continue?: string;
      };
      items.push(...answer.items.map((item) => schema.parse(item)));
      next = answer.continue;
      if (next === undefined) return items;
    }
    throw new CliError(`the list ${path(parts)} has no end`, { exit: exits.failed });
  }

  async send<T>(method: 'POST' | 'PUT', parts: readonly string[], schema: Schema<T>, send: Send = {}): Promise<T> {
    return schema.parse(await json(await this.request(method, parts, send)));
  }

  async remove(parts: readonly string[]): Promise<void> {
    await this.request('DELETE', parts);
  }

  migration(id: string): Promise<MigrationStatus> {
    return this.get(['migrations', id], migrationSchema);
  }

  /** One request. An answer that never ends is given the signal that ends it; every other one has its deadline. */
  async request(method: string, parts: readonly string[], send: Send = {}, until?: AbortSignal): Promise<Response> {
    const { token, signal, fetch: ask = fetch } = this.#options;
    const deadline = until ?? AbortSignal.timeout(answerMs);
    try {
      const response = await ask(this.#url(parts, send.query), {
        method,
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
        headers: {
          accept: 'application/json, text/event-stream',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(send.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...send.headers,
        },
        ...(send.body === undefined ? {} : { body: JSON.stringify(send.body) }),
      });
      if (!response.ok) throw await problem(response);
      return response;
    } catch (error) {
      if (error instanceof CliError) throw error;
      if (signal?.aborted) throw outOfTime();
      throw this.#unreachable(deadline.aborted ? 'it took too long' : reason(error));
    }
  }

  #url(parts: readonly string[], query: Send['query'] = {}): URL {
    const url = new URL(path(parts), this.#options.server);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  #unreachable(why: string): CliError {
    return new CliError(`the gateway at ${this.#options.server} does not answer: ${why}`, {
      exit: exits.unreachable,
      fix: 'Check --server (or TRANSHIP_SERVER), and that the gateway runs',
    });
  }
}

export const outOfTime = () =>
  new CliError('not done within the time of --timeout', { exit: exits.timedOut, fix: 'Give it more time' });

async function json(response: Response): Promise<unknown> {
  return response.json().catch(() => {
    throw new CliError(`${response.url} does not answer as Tranship does`, {
      exit: exits.failed,
      fix: 'Check --server (or TRANSHIP_SERVER)',
    });
  });
}

async function problem(response: Response): Promise<CliError> {
  const body = (await response.json().catch(() => ({}))) as Parameters<typeof fromProblem>[0];
  return fromProblem(body, response.status);
}

/** `fetch failed` says nothing; its cause does. */
function reason(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.message || cause?.code || message;
}
