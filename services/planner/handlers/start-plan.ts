import {
  type Connection,
  durationMs,
  type Plan,
  type ProviderSpec,
  type SourceVm,
  TranshipError,
  type VmPlan,
} from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { claim } from '../acts/queue.ts';
import { survey } from '../acts/survey.ts';
import { underway } from '../acts/underway.ts';
import { migrationId, workbenchName } from '../domain/names.ts';
import { isArchived } from '../domain/plan.ts';
import { type Maps, type PlanVm, resolve, starts } from '../domain/resolve.ts';
import { sessionsFor } from '../domain/schedule.ts';
import { isReady } from '../domain/validate.ts';
import type { Aggregates, Model } from '../ports.ts';
import type { Drives } from './migrations.ts';
import { find } from './plans.ts';

interface Request {
  readonly name: string;
  readonly readyOnly: boolean;
  readonly key?: string | undefined;
}

/** Starts a plan: pins what each VM's course needs. The VMs are queued and admitted from that. The same key gives the same migration. */
export async function startPlan(
  all: Aggregates,
  model: Model,
  soon: Drives,
  kit: Kit,
  request: Request,
): Promise<{ migration: string }> {
  const plan = find(model, request.name);
  const before = model.migrations().filter((m) => m.started.plan === request.name);
  const repeated = request.key === undefined ? undefined : before.find((m) => m.started.key === request.key);
  if (repeated) return { migration: repeated.id };
  if (isArchived(plan)) throw new TranshipError('plan.archived', `${request.name} cannot be started`);
  const active = before.find((m) => !m.finished);
  if (active) throw new TranshipError('migration.active', `${active.id} runs by the plan ${request.name}`);

  const { candidates, maps, validation } = await survey(plan, kit.query);
  const alone = candidates.filter((_, i) => isReady(validation.vms[i]!));
  // A group moves whole or not at all.
  const broken = new Set(candidates.filter((each) => !alone.includes(each)).flatMap(({ entry }) => entry.group ?? []));
  const ready = alone.filter(({ entry }) => entry.group === undefined || !broken.has(entry.group));
  if (ready.length === 0 || (ready.length < candidates.length && !request.readyOnly)) {
    const critical = validation.vms
      .filter((vm) => !isReady(vm))
      .map((vm) => `${vm.name} (${vm.concerns.find((c) => c.category === 'critical')?.id})`);
    throw new TranshipError(
      'plan.not-ready',
      `${critical.length} of ${candidates.length} VMs cannot start: ${critical.slice(0, 10).join(', ')}`,
    );
  }
  const [connection, provider] = await Promise.all([
    kit.query('connection', { name: plan.spec.source }),
    kit.query('getProvider', { name: plan.spec.source }),
  ]);
  const source: Source = { connection, limits: provider.spec.limits };
  const vms = ready.map(({ entry, matches }) => ({ entry, vm: matches[0]! }));
  for (const { vm } of vms) {
    const other = underway(model, plan.spec.source, vm.id);
    if (other) throw new TranshipError('migration.active', `${vm.name} is moved by ${other.id}`);
  }
  const id = migrationId(plan.metadata.name, before.length + 1, request.key);
  const groupOf = (name: string | undefined) =>
    name === undefined ? [] : vms.flatMap(({ entry, vm }) => (entry.group === name ? [vm.id] : []));
  const pins = vms.map(({ entry, vm }) => ({
    id: vm.id,
    plan: { ...vmPlan(id, plan, entry, vm, maps, source), group: groupOf(entry.group) },
  }));
  await claim(all, id, pins, {
    plan: plan.metadata.name,
    source: plan.spec.source,
    generation: plan.metadata.generation ?? 1,
    concurrency: plan.spec.concurrency.vms,
    ...(request.key === undefined ? {} : { key: request.key }),
    vms: vms.map(({ vm }) => ({ id: vm.id, name: vm.name })),
  });
  soon.add(id);
  return { migration: id };
}

/** How the source is reached, and what it bears. */
interface Source {
  readonly connection: Connection;
  readonly limits: ProviderSpec['limits'];
}

function cutoverOf({ spec: { cutover } }: Plan): VmPlan['cutover'] {
  const { mode, at, downtimeBudget, window } = cutover;
  return {
    mode,
    ...(at === undefined ? {} : { at }),
    ...(downtimeBudget === undefined ? {} : { budgetMs: durationMs(downtimeBudget) }),
    ...(window ? { window: { cron: window.cron, forMs: durationMs(window.for), timeZone: window.timeZone } } : {}),
  };
}

function vmPlan(
  migration: string,
  plan: Plan,
  entry: PlanVm,
  vm: SourceVm,
  maps: Maps,
  { connection, limits }: Source,
): Omit<VmPlan, 'group'> {
  const { defaults } = plan.spec;
  return {
    name: vm.name,
    plan: plan.metadata.name,
    workbench: workbenchName(migration, vm.id),
    guestId: vm.guestId,
    power: vm.powerState,
    // The final pass is the first of a VM that does not run: there is nothing to copy twice.
    type: vm.powerState === 'poweredOn' ? plan.spec.type : 'cold',
    tracking: vm.changeTracking,
    host: vm.host?.id ?? '',
    sessions: sessionsFor(vm.disks.length, limits.nfcSessionsPerHost),
    sessionsPerHost: limits.nfcSessionsPerHost,
    datastores: [...new Set(vm.disks.flatMap(({ datastore }) => datastore?.id ?? []))],
    snapshotsPerDatastore: limits.snapshotsPerDatastore,
    cutover: cutoverOf(plan),
    ...(plan.spec.precopy.interval === 'auto' ? {} : { intervalMs: durationMs(plan.spec.precopy.interval) }),
    audit: plan.spec.precopy.auditPercent / 100,
    convert: defaults.convert,
    // Of one that is off no downtime is at stake.
    inspect: vm.powerState === 'poweredOn' && defaults.convert === 'auto' ? defaults.inspect : 'none',
    rehearse: defaults.rehearse,
    proof: defaults.proof,
    start: starts(plan, vm),
    shutdown: { deadlineMs: durationMs(defaults.shutdown.deadline), then: defaults.shutdown.then },
    health: { agent: defaults.health.agent, deadlineMs: durationMs(defaults.health.deadline) },
    onUnhealthy: defaults.onUnhealthy,
    connection,
    target: resolve(plan, entry, vm, maps),
  };
}
