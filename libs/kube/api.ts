import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { TranshipError } from '@tranship/contracts';
import { fault } from './faults.ts';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly type?: string;
}

/** HTTP to one API server. Every call ends by itself within `deadlineMs`. */
export class Api {
  readonly #config: KubeConfig;
  readonly #base: URL;
  readonly #deadlineMs: number;

  constructor(config: KubeConfig, deadlineMs: number) {
    const server = config.getCurrentCluster()?.server;
    if (!server) throw new TranshipError('kube.unreachable', 'the kubeconfig names no cluster', { retry: false });
    this.#config = config;
    this.#base = new URL(server);
    this.#deadlineMs = deadlineMs;
  }

  async call<T>(call: Call): Promise<T> {
    const signal = AbortSignal.timeout(this.#deadlineMs);
    const answer = await this.#text(await this.#open(call, signal));
    return JSON.parse(answer || '{}') as T;
  }

  /** The lines of an answer as they come, each JSON, until the server ends it or `signal` aborts. */
  async *lines<T>(call: Call, signal: AbortSignal): AsyncGenerator<T> {
    const response = await this.#open(call, signal);
    let rest = '';
    try {
      for await (const part of response.setEncoding('utf8')) {
        const lines = (rest + part).split('\n');
        rest = lines.pop()!;
        for (const line of lines) if (line) yield JSON.parse(line) as T;
      }
    } catch (error) {
      throw this.#told(error);
    } finally {
      response.destroy();
    }
  }

  async #open(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const { method, path, query = {}, body, type = 'application/json' } = call;
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(this.#base.pathname.replace(/\/$/, '') + path, this.#base);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    // Without its length Node would leave a DELETE's body out.
    const headers = {
      ...options.headers,
      accept: 'application/json, */*', // KubeVirt's own verbs answer nothing, in no type
      ...(text ? { 'content-type': type, 'content-length': Buffer.byteLength(text) } : {}),
    };
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error('no answer in time')), this.#deadlineMs);
    try {
      const both = AbortSignal.any([signal, late.signal]);
      const request = httpsRequest(url, { ...options, method, headers, signal: both });
      request.end(text);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      throw fault(status, await this.#text(response), `${method} ${path}`);
    } catch (error) {
      throw this.#told(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #text(response: IncomingMessage): Promise<string> {
    try {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      return Buffer.concat(parts).toString();
    } catch (error) {
      throw this.#told(error);
    }
  }

  #told(error: unknown): TranshipError {
    if (error instanceof TranshipError) return error;
    const said = error instanceof Error ? error.message : String(error);
    return new TranshipError('kube.unreachable', `${this.#base.host}: ${said}`, { cause: error });
  }
}
