import { type Plan, TranshipError } from '@tranship/contracts';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import { ofPlan } from '../acts/archive.ts';
import { changePlan, tellValidation } from '../acts/plan-log.ts';
import { survey } from '../acts/survey.ts';
import { isArchived } from '../domain/plan.ts';
import { resolve } from '../domain/resolve.ts';
import { isReady } from '../domain/validate.ts';
import type { Aggregates, Model } from '../ports.ts';

type Queries = NonNullable<ServiceTable['queries']>;

/** Plans: stored, read, validated, previewed. */
export function planQueries(all: Aggregates, model: Model, kit: Kit): Queries {
  return {
    putPlan: (plan) => putPlan(all, plan, kit.clock),
    getPlan: async ({ name }) => find(model, name),
    listPlans: async () => ({ items: model.plans() }),
    deletePlan: async ({ name, resourceVersion }) => {
      find(model, name);
      const running = model.migrations().find((m) => m.started.plan === name && !m.finished);
      if (running) throw new TranshipError('migration.active', `${running.id} runs by the plan ${name}`);
      const kept = keptOf(model, name);
      if (kept) throw new TranshipError('plan.keeps', `the copy of ${kept} is kept for a retry`);
      await changePlan(all, name, (current) => {
        if (!current) throw new TranshipError('document.not-found', `there is no plan ${name}`);
        mustBe(current, name, resourceVersion);
        return { type: 'plan.removed', data: {} };
      });
      return {};
    },
    validatePlan: async ({ name, plan }) => {
      const asked = plan ?? find(model, name);
      const { validation } = await survey(asked, kit.query);
      if (!plan) await tellValidation(all, model, asked, validation);
      return validation;
    },
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

/** A version that is given must be the current one. */
function mustBe(current: Plan | undefined, name: string, wanted: string | undefined): void {
  const version = current?.metadata.resourceVersion;
  if (wanted !== undefined && wanted !== version)
    throw new TranshipError(
      'document.conflict',
      `the plan ${name} has the version ${version ?? 'none'}, not ${wanted}`,
    );
}

/** Stores a plan; a change raises its generation. */
async function putPlan(all: Aggregates, plan: Plan, clock: Kit['clock']): Promise<Plan> {
  const { name, resourceVersion: wanted } = plan.metadata;
  const stored = await changePlan(all, name, (current, seq) => {
    mustBe(current, name, wanted);
    if (current && same(current, plan)) return undefined;
    if (current && isArchived(current)) throw new TranshipError('plan.archived', `${name} cannot be changed`);
    const generation = (current?.metadata.generation ?? 0) + 1;
    const creationTimestamp = current?.metadata.creationTimestamp ?? new Date(clock.now()).toISOString();
    const resourceVersion = String(seq + 1);
    const data = { ...plan, metadata: { ...plan.metadata, generation, creationTimestamp, resourceVersion } };
    return { type: current ? 'plan.changed' : 'plan.accepted', data };
  });
  return stored!;
}

const essence = ({ spec, metadata: { labels = {}, annotations = {} } }: Plan) =>
  JSON.stringify({ spec, labels, annotations });
const same = (a: Plan, b: Plan) => essence(a) === essence(b);
