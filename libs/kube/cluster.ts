import { request as httpsRequest, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { TranshipError } from '@tranship/contracts';
import { fault } from './faults.ts';
import { type Kind, type KubeObject, path } from './kinds.ts';

/** Who we are among the writers of an object. */
const manager = 'tranship';
const subresources = '/apis/subresources.kubevirt.io/v1';
const pageSize = 500;
const maxPages = 200;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly type?: string;
}

/** One target cluster. Every call ends by itself within `deadlineMs`. */
export class Cluster {
  readonly #config: KubeConfig;
  readonly #base: URL;
  readonly #deadlineMs: number;

  private constructor(config: KubeConfig, deadlineMs: number) {
    const server = config.getCurrentCluster()?.server;
    if (!server) throw new TranshipError('kube.unreachable', 'the kubeconfig names no cluster', { retry: false });
    this.#config = config;
    this.#base = new URL(server);
    this.#deadlineMs = deadlineMs;
  }

  /** By a kubeconfig file; without one, as the pod that we are. */
  static open(kubeconfig?: string, deadlineMs = 20_000): Cluster {
    const config = new KubeConfig();
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromCluster();
    return new Cluster(config, deadlineMs);
  }

  get(kind: Kind, name: string, namespace?: string): Promise<KubeObject | undefined> {
    return absent(this.#call({ method: 'GET', path: path(kind, namespace, name) }));
  }

  /** All that match, page by page. `labels`: `a=b,c=d`; `fields` likewise. */
  async list(kind: Kind, namespace?: string, select: { labels?: string; fields?: string } = {}): Promise<KubeObject[]> {
    const found: KubeObject[] = [];
    let next = '';
    for (let page = 0; page < maxPages; page++) {
      const query = {
        limit: String(pageSize),
        ...(select.labels ? { labelSelector: select.labels } : {}),
        ...(select.fields ? { fieldSelector: select.fields } : {}),
        ...(next ? { continue: next } : {}),
      };
      const list = await this.#call({ method: 'GET', path: path(kind, namespace), query });
      found.push(...(list.items as KubeObject[]));
      next = (list.metadata as { continue?: string }).continue ?? '';
      if (!next) return found;
    }
    throw new TranshipError('kube.rejected', `more than ${pageSize * maxPages} ${kind}`);
  }

  /** Server-side apply of what we own of an object; an unknown field is an error. `dryRun`: what it would be. */
  apply(object: KubeObject, { dryRun = false } = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    return this.#call({
      method: 'PATCH',
      path: path(object.kind as Kind, namespace, name),
      query: { fieldManager: manager, fieldValidation: 'Strict', force: 'true', ...(dryRun ? { dryRun: 'All' } : {}) },
      body: object,
      type: 'application/apply-patch+yaml',
    });
  }

  /** A JSON merge patch: null removes a field. With a `resourceVersion` in it, it fails when somebody was faster. */
  merge(kind: Kind, name: string, namespace: string | undefined, patch: unknown): Promise<KubeObject> {
    return this.#call({
      method: 'PATCH',
      path: path(kind, namespace, name),
      query: { fieldManager: manager },
      body: patch,
      type: 'application/merge-patch+json',
    });
  }

  /** Asks for the removal, dependants first; true when there was something. */
  async remove(kind: Kind, name: string, namespace?: string): Promise<boolean> {
    const body = { propagationPolicy: 'Foreground' };
    return (await absent(this.#call({ method: 'DELETE', path: path(kind, namespace, name), body }))) !== undefined;
  }

  /** KubeVirt's own stop of a VM that runs: ACPI, and after so many seconds the power. */
  async stopVirtualMachine(name: string, namespace: string, graceSeconds: number): Promise<void> {
    const where = `${subresources}/namespaces/${namespace}/virtualmachines/${name}/stop`;
    await this.#call({ method: 'PUT', path: where, body: { gracePeriod: graceSeconds } });
  }

  async #call({ method, path: where, query = {}, body, type = 'application/json' }: Call): Promise<KubeObject> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(this.#base.pathname.replace(/\/$/, '') + where, this.#base);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
      const failed = (error: Error) =>
        reject(new TranshipError('kube.unreachable', `${this.#base.host}: ${error.message}`, { cause: error }));
      const signal = AbortSignal.timeout(this.#deadlineMs);
      // Without its length Node would leave a DELETE's body out.
      const headers = {
        ...options.headers,
        accept: 'application/json, */*', // KubeVirt's own verbs answer nothing, in no type
        ...(text ? { 'content-type': type, 'content-length': Buffer.byteLength(text) } : {}),
      };
      const request = httpsRequest(url, { ...options, method, headers, signal }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', failed);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, answer: Buffer.concat(parts).toString() }),
        );
      });
      request.once('error', failed);
      request.end(text);
    });
    if (status >= 200 && status < 300) return JSON.parse(answer || '{}') as KubeObject;
    throw fault(status, answer, `${method} ${where}`);
  }
}

/** 404 as `undefined`. */
async function absent(call: Promise<KubeObject>): Promise<KubeObject | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TranshipError && error.code === 'document.not-found') return undefined;
    throw error;
  }
}
