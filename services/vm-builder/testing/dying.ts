import { TranshipError } from '@tranship/contracts';
import type { Target } from '../ports.ts';

/** What a worker's death looks like from inside: nobody tries again. */
export class Died extends TranshipError {
  constructor() {
    super('service.internal', 'died', { retry: false });
  }
}

/**
 * The same cluster, for a worker that dies right after its n-th write (0: before the first). `writes` tells what it wrote.
 * The nudges of the binder do not count: how many there are depends on time.
 */
export function dying(target: Target, n: number): { target: Target; writes: string[] } {
  const writes: string[] = [];
  const { cluster } = target;
  const counted = async <T>(what: string, write: () => Promise<T>): Promise<T> => {
    if (writes.length >= n) throw new Died();
    const answer = await write();
    writes.push(what);
    if (writes.length >= n) throw new Died();
    return answer;
  };
  const mortal = wrapped(cluster, {
    apply: (object, options) => counted(`apply ${object.kind}`, () => cluster.apply(object, options)),
    remove: (...args) => counted(`remove ${args[0]}`, () => cluster.remove(...args)),
    removePod: (...args) => counted('remove Pod', () => cluster.removePod(...args)),
    merge: (...args) =>
      args[0] === 'PersistentVolumeClaim'
        ? cluster.merge(...args)
        : counted(`merge ${args[0]}`, () => cluster.merge(...args)),
  });
  return { target: { ...target, cluster: mortal }, writes };
}

/** The same cluster, seen as if its answer to the first `get` of this name was long on its way: `meanwhile` happens first. */
export function slow(target: Target, name: string, meanwhile: () => Promise<unknown>): Target {
  const { cluster } = target;
  let first = true;
  const get: Target['cluster']['get'] = async (...args) => {
    const answer = await cluster.get(...args);
    if (first && args[1] === name) {
      first = false;
      await meanwhile();
    }
    return answer;
  };
  return { ...target, cluster: wrapped(cluster, { get }) };
}

/** The same cluster, where no pod may be removed, and which pods it was asked for. */
export function unable(target: Target): [Target, string[]] {
  const asked: string[] = [];
  const removePod = async (name: string) => {
    asked.push(name);
    throw new TranshipError('kube.forbidden', 'DELETE pods: forbidden (HTTP 403)');
  };
  return [{ ...target, cluster: wrapped(target.cluster, { removePod }) }, asked];
}

const wrapped = (cluster: Target['cluster'], by: Partial<Target['cluster']>): Target['cluster'] => ({
  get: cluster.get.bind(cluster),
  list: cluster.list.bind(cluster),
  apply: cluster.apply.bind(cluster),
  merge: cluster.merge.bind(cluster),
  remove: cluster.remove.bind(cluster),
  removePod: cluster.removePod.bind(cluster),
  until: cluster.until.bind(cluster),
  stopVirtualMachine: cluster.stopVirtualMachine.bind(cluster),
  ...by,
});
