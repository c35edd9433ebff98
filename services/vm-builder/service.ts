import { Cluster } from '@tranship/kube';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import type { Config } from './config.ts';
import { create } from './handlers/create.ts';
import { credentialQueries } from './handlers/credentials.ts';
import { factQueries } from './handlers/facts.ts';
import { handOver } from './handlers/hand-over.ts';
import { prepare } from './handlers/prepare.ts';
import { release, removeTarget, settle, stopTarget } from './handlers/remove.ts';
import { start } from './handlers/start.ts';
import { unseal } from './handlers/unseal.ts';
import { watchHealth } from './handlers/watch-health.ts';
import type { Target } from './ports.ts';

/** vm-builder: the only one that talks to the target cluster. */
export async function service(config: Config, { bus, query }: Kit): Promise<ServiceTable> {
  const target: Target = {
    cluster: Cluster.open(config.kubeconfig),
    commands: bus.commands,
    workbenches: bus.workbenches,
    objects: bus.objects,
    config,
    sourceOff: (source) => query('sourceOff', source),
  };
  return {
    concurrency: 64,
    steps: {
      prepare: (input, context) => prepare(target, input, context),
      release: (input, context) => release(target, input, context),
      handOver: (input, context) => handOver(target, input, context),
      create: (input) => create(target, input),
      start: (input, context) => start(target, input, context),
      unseal: (input, context) => unseal(target, input, context),
      watchHealth: (input, context) => watchHealth(target, input, context),
      settle: (input, context) => settle(target, input, context),
      removeTarget: (input, context) => removeTarget(target, input, context),
      stopTarget: (input, context) => stopTarget(target, input, context),
    },
    queries: { ...factQueries(target), ...credentialQueries(target) },
  };
}
