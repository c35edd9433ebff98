import { TranshipError } from '@tranship/contracts';
import type { Api } from './api.ts';
import { type Kind, type KubeObject, path } from './kinds.ts';

/** What is looked at: one object by its name, or all that the labels choose. */
export interface Watched {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name?: string;
  /** `a=b,c=d`. */
  readonly labels?: string;
}

type Change =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number; readonly message?: string } };
interface List {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: KubeObject[];
}

export interface Watching {
  readonly clock: { sleep(ms: number, signal?: AbortSignal): Promise<void> };
  readonly signal: AbortSignal;
}

/** The server ends a watch after this long, and it is begun again: a dead connection is noticed by then. */
const standSeconds = 60;
const marginMs = 10_000;
const pauseMs = { first: 200, most: 10_000 };

/**
 * What there is, each time that it changes, beginning with what there is now; until `signal` aborts. A watch that is cut goes
 * on where it was; one that is too old begins anew. A server that is away is waited for, a refusal is thrown.
 */
export async function* watch(
  api: Api,
  watched: Watched,
  { clock, signal }: Watching,
): AsyncGenerator<readonly KubeObject[]> {
  const { kind, namespace, name, labels } = watched;
  const where = path(kind, namespace);
  const select = {
    ...(labels ? { labelSelector: labels } : {}),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
  };
  let version: string | undefined;
  let objects = new Map<string, KubeObject>();
  for (let failures = 0; !signal.aborted; ) {
    try {
      if (version === undefined) {
        const list: List = await api.call({ method: 'GET', path: where, query: select });
        objects = new Map(list.items.map((object) => [key(object), object]));
        version = list.metadata.resourceVersion;
        yield [...objects.values()];
      }
      const query = { ...select, watch: 'true', allowWatchBookmarks: 'true', resourceVersion: version };
      const call = { method: 'GET', path: where, query: { ...query, timeoutSeconds: String(standSeconds) } };
      const end = AbortSignal.any([signal, AbortSignal.timeout(standSeconds * 1000 + marginMs)]);
      for await (const { type, object } of api.lines<Change>(call, end)) {
        failures = 0;
        if (type === 'ERROR')
          throw new TranshipError('kube.rejected', `watch of ${kind}: ${object.message ?? object.code}`);
        version = object.metadata.resourceVersion;
        if (type === 'BOOKMARK') continue;
        if (type === 'DELETED') objects.delete(key(object));
        else objects.set(key(object), object);
        yield [...objects.values()];
      }
      // Else a server that ends each watch at once would be asked without a pause.
      await clock.sleep(pauseMs.first, signal).catch(() => {});
    } catch (error) {
      if (signal.aborted) return;
      const { code, retry } = TranshipError.from(error);
      // A version that is too old comes as rejected: a list sets it right.
      if (!retry && (version === undefined || code !== 'kube.rejected')) throw error;
      if (!retry) version = undefined;
      await clock.sleep(Math.min(pauseMs.first * 2 ** failures++, pauseMs.most), signal).catch(() => {});
    }
  }
}

const key = ({ metadata: { namespace = '', name } }: KubeObject) => `${namespace}/${name}`;

export interface Waiting extends Watching {
  readonly deadlineMs: number;
}

/** The first answer that `seen` gives of what there is; undefined when the deadline passes first. Throws when `signal` aborts. */
export async function until<T>(
  api: Api,
  watched: Watched,
  seen: (objects: readonly KubeObject[]) => T | undefined,
  { deadlineMs, clock, signal }: Waiting,
): Promise<T | undefined> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  clock.sleep(deadlineMs, both).then(
    () => end.abort(),
    () => {},
  );
  try {
    for await (const objects of watch(api, watched, { clock, signal: both })) {
      const answer = seen(objects);
      if (answer !== undefined) return answer;
    }
    signal.throwIfAborted();
    return undefined;
  } finally {
    end.abort();
  }
}
