import { documentExamples, type Plan, planSchema } from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { FakeClock } from '@tranship/service-kit/testing';
import { expect, test } from 'vitest';
import type { Aggregates, Model } from '../ports.ts';
import { planQueries } from './plans.ts';

test('plans - a new one was created when the clock says', async () => {
  const clock = new FakeClock();
  const all: Aggregates = { read: async () => ({ events: [], seq: 0 }), append: async () => 1 };
  const { putPlan } = planQueries(all, {} as Model, { clock } as unknown as Kit) as {
    putPlan: (plan: Plan) => Promise<Plan>;
  };
  const { metadata } = await putPlan(planSchema.parse(documentExamples.Plan));
  expect(metadata).toMatchObject({ generation: 1, creationTimestamp: new Date(clock.now()).toISOString() });
});
