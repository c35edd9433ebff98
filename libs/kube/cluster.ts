import { KubeConfig } from '@kubernetes/client-node';
import { TranshipError } from '@tranship/contracts';
import { Api } from './api.ts';
import { type Kind, type KubeObject, path } from './kinds.ts';
import { until, type Waiting, type Watched, type Watching, watch } from './watch.ts';

/** Who we are among the writers of an object. */
const manager = 'tranship';
const subresources = '/apis/subresources.kubevirt.io/v1';
const pageSize = 500;
const maxPages = 200;

/** One target cluster. Every call ends by itself within `deadlineMs`. */
export class Cluster {
  readonly #api: Api;

  private constructor(api: Api) {
    this.#api = api;
  }

  /** By a kubeconfig file; without one, as the pod that we are. */
  static open(kubeconfig?: string, deadlineMs = 20_000): Cluster {
    const config = new KubeConfig();
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromCluster();
    return new Cluster(new Api(config, deadlineMs));
  }

  get(kind: Kind, name: string, namespace?: string): Promise<KubeObject | undefined> {
    return absent(this.#api.call<KubeObject>({ method: 'GET', path: path(kind, namespace, name) }));
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
      const list = await this.#api.call<KubeObject>({ method: 'GET', path: path(kind, namespace), query });
      found.push(...(list.items as KubeObject[]));
      next = (list.metadata as { continue?: string }).continue ?? '';
      if (!next) return found;
    }
    throw new TranshipError('kube.rejected', `more than ${pageSize * maxPages} ${kind}`);
  }

  /** What there is, each time that it changes, until `signal` aborts; cuts are mended. */
  watch(watched: Watched, watching: Watching): AsyncGenerator<readonly KubeObject[]> {
    return watch(this.#api, watched, watching);
  }

  /** The first answer that `seen` gives of what there is; undefined when the deadline passes first. */
  until<T>(
    watched: Watched,
    seen: (objects: readonly KubeObject[]) => T | undefined,
    waiting: Waiting,
  ): Promise<T | undefined> {
    return until(this.#api, watched, seen, waiting);
  }

  /** Server-side apply of what we own of an object; an unknown field is an error. `dryRun`: what it would be. */
  apply(object: KubeObject, { dryRun = false } = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    return this.#api.call<KubeObject>({
      method: 'PATCH',
      path: path(object.kind as Kind, namespace, name),
      query: { fieldManager: manager, fieldValidation: 'Strict', force: 'true', ...(dryRun ? { dryRun: 'All' } : {}) },
      body: object,
      type: 'application/apply-patch+yaml',
    });
  }

  /** A JSON merge patch: null removes a field. With a `resourceVersion` in it, it fails when somebody was faster. */
  merge(kind: Kind, name: string, namespace: string | undefined, patch: unknown): Promise<KubeObject> {
    return this.#api.call<KubeObject>({
      method: 'PATCH',
      path: path(kind, namespace, name),
      query: { fieldManager: manager, fieldValidation: 'Strict' },
      body: patch,
      type: 'application/merge-patch+json',
    });
  }

  /** Asks for the removal, dependants first; true when there was something. */
  async remove(kind: Kind, name: string, namespace?: string): Promise<boolean> {
    const body = { propagationPolicy: 'Foreground' };
    return (
      (await absent(this.#api.call<KubeObject>({ method: 'DELETE', path: path(kind, namespace, name), body }))) !==
      undefined
    );
  }

  /** Takes a pod out of the API at once, without its node's word: only for one that has nothing open any more. */
  async removePod(name: string, namespace: string): Promise<void> {
    const body = { gracePeriodSeconds: 0, propagationPolicy: 'Background' };
    await absent(this.#api.call<KubeObject>({ method: 'DELETE', path: path('Pod', namespace, name), body }));
  }

  /** KubeVirt's own stop of a VM that runs: ACPI, and after so many seconds the power. */
  async stopVirtualMachine(name: string, namespace: string, graceSeconds: number): Promise<void> {
    const where = `${subresources}/namespaces/${namespace}/virtualmachines/${name}/stop`;
    await this.#api.call<KubeObject>({ method: 'PUT', path: where, body: { gracePeriod: graceSeconds } });
  }
}

/** 404 as `undefined`. */
async function absent(call: Promise<KubeObject>): Promise<KubeObject | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TranshipError && error.code === 'kube.not-found') return undefined;
    throw error;
  }
}
