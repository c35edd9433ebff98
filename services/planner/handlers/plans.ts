import { BusConflict } from '@tranship/bus';
import { type Plan, TranshipError } from '@tranship/contracts';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import { ofPlan } from '../archive.ts';
import { foldPlan, isArchived } from '../domain/plan.ts';
import { resolve } from '../domain/resolve.ts';
import { isReady } from '../domain/validate.ts';
import type { Aggregates, Model } from '../ports.ts';
import { survey } from '../survey.ts';

type Queries = NonNullable<ServiceTable['queries']>;

/** Plans: stored, read, validated, previewed. */
export function planQueries(all: Aggregates, model: Model, kit: Kit): Queries {
  return {
    putPlan: (plan) => putPlan(all, plan, kit.clock),
    getPlan: async ({ name }) => find(model, name),
    listPlans: async () => ({ items: model.plans() }),
    deletePlan: async ({ name }) => {
      find(model, name);
      const running = model.migrations().find((m) => m.started.plan === name && !m.finished);
      if (running) throw new TranshipError('migration.active', `${running.id} runs by the plan ${name}`);
      const kept = keptOf(model, name);
      if (kept) throw new TranshipError('plan.keeps', `the copy of ${kept} is kept for a retry`);
      const { seq } = await all.read('plan', name);
      await all.append('plan', [name], { type: 'plan.removed', data: {} }, seq);
      return {};
    },
    validatePlan: async ({ name, plan }) => (await survey(plan ?? find(model, name), kit.query)).validation,
    targetsOf: async ({ name, plan: given, vm: only }) => {
      const plan = given ?? find(model, name);
      const { candidates, maps, validation } = await survey(plan, kit.query);
      const targets = candidates.flatMap(({ entry, matches: [vm] }, i) =>
        vm && isReady(validation.vms[i]!) && (only === undefined || only === vm.name || only === vm.id)
          ? [resolve(plan, entry, vm, maps)]
          : [],
      );
      return { targets };
    },
  };
}

/** A VM of the plan whose copy would be left to nobody. */
const keptOf = (model: Model, name: string): string | undefined =>
  ofPlan(model, name)
    .flatMap(({ id, started }) => started.vms.map((vm) => ({ vm, course: model.course(id, vm.id) })))
    .find(({ course }) => course?.kept && !course.archived)?.vm.name;

export function find(model: Model, name: string | undefined): Plan {
  const plan = name === undefined ? undefined : model.plan(name);
  if (!plan) throw new TranshipError('document.not-found', `there is no plan ${name ?? ''}`);
  return plan;
}

/** Stores a plan; a change raises its generation. A resourceVersion that is given must be the current one. */
async function putPlan(all: Aggregates, plan: Plan, clock: Kit['clock']): Promise<Plan> {
  const { name, resourceVersion } = plan.metadata;
  const { events, seq } = await all.read('plan', name);
  const current = events.reduce<Plan | undefined>(foldPlan, undefined);
  if (resourceVersion !== undefined && resourceVersion !== current?.metadata.resourceVersion) {
    throw new TranshipError(
      'document.conflict',
      `the plan ${name} has the version ${current?.metadata.resourceVersion ?? 'none'}, not ${resourceVersion}`,
    );
  }
  if (current && same(current, plan)) return current;
  if (current && isArchived(current)) throw new TranshipError('plan.archived', `${name} cannot be changed`);
  const generation = (current?.metadata.generation ?? 0) + 1;
  const creationTimestamp = current?.metadata.creationTimestamp ?? new Date(clock.now()).toISOString();
  const stored: Plan = {
    ...plan,
    metadata: { ...plan.metadata, generation, creationTimestamp, resourceVersion: String(seq + 1) },
  };
  try {
    await all.append('plan', [name], { type: current ? 'plan.changed' : 'plan.accepted', data: stored }, seq);
  } catch (error) {
    if (error instanceof BusConflict)
      throw new TranshipError('document.conflict', `somebody else changed the plan ${name} just now`);
    throw error;
  }
  return stored;
}

const essence = ({ spec, metadata: { labels = {}, annotations = {} } }: Plan) =>
  JSON.stringify({ spec, labels, annotations });
const same = (a: Plan, b: Plan) => essence(a) === essence(b);
