import { once } from 'node:events';
import { subjects } from '@tranship/contracts';
import { errorFields, type Kit, type ServiceTable } from '@tranship/service-kit';
import type { Engine } from './acts/advance.ts';
import { driver as makeDriver } from './acts/drive.ts';
import { look } from './acts/guard.ts';
import { Bandwidth, withLimits } from './acts/limits.ts';
import { Rates } from './acts/rates.ts';
import { Snapshots } from './acts/snapshots.ts';
import { Soon } from './acts/soon.ts';
import { usesOf } from './acts/underway.ts';
import { aggregates, commandIssuer, courseLog } from './adapters/log.ts';
import { type LiveModel, liveModel } from './adapters/model.ts';
import type { Config } from './config.ts';
import { isFinal } from './domain/course.ts';
import { archivePlan, archiveSweep } from './handlers/archive-plan.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import { report } from './handlers/report.ts';
import { startPlan } from './handlers/start-plan.ts';

/** What is due and unanswered is issued again this often. */
const sweepMs = 30_000;
/** Between two looks at what courses do not see by themselves. */
const guardMs = 10_000;
/** Between two looks, however much is due. */
const leastMs = 200;
/** So much later, at most, a change of bandwidth is written for the copies that run. */
const limitsMs = 250;

/** planner: plans, validation, scheduling, and the course of every VM. */
export async function service({ releaseAfterSeconds }: Config, kit: Kit): Promise<ServiceTable> {
  const { bus, clock } = kit;
  const all = aggregates(bus, clock);
  const log = courseLog(all);
  const model = liveModel(bus);
  const bandwidth = new Bandwidth(model, bus.limits);
  const commands = withLimits(commandIssuer(bus, clock), bandwidth);
  const snapshots = new Snapshots(all, model);
  const rates = new Rates();
  const releaseAfterMs = releaseAfterSeconds * 1000;
  const present = () => ({ now: clock.now(), history: model.history(), releaseAfterMs });
  const engine: Engine = { log, commands, present, snapshots };
  const driver = makeDriver(all, engine, model, snapshots);
  const soon = new Soon();
  return {
    ready: () => model.ready,
    commands: {
      report: async (message) => {
        const course = await report(engine, message);
        if (course.plan && (await snapshots.giveBack(course))) await driver.beginPasses();
        if (isFinal(course)) await driver.refill(course.migration);
      },
    },
    queries: upToDate(model, {
      ...planQueries(all, model, kit),
      ...migrationQueries(all, engine, soon, model),
      archivePlan: ({ name }) => archivePlan(all, log, model, soon, name),
      providerUses: async ({ name }) => ({ uses: usesOf(model, name) }),
      startPlan: (request) => startPlan(all, model, soon, kit, request),
    }),
    background: {
      model: (signal) => model.follow(signal),
      guard: async (signal) => {
        for (; !signal.aborted; await clock.sleep(guardMs, signal))
          if (model.ready) await look(kit, engine, model, rates);
      },
      rates: async (signal) => {
        bus.onProgress(subjects.allProgress, (value) => rates.hear(value, clock.now()), signal);
        await once(signal, 'abort');
      },
      limits: async (signal) => {
        for (let seen = 0; !signal.aborted; await clock.sleep(limitsMs, signal)) {
          if (!model.ready || model.seq === seen) continue;
          const { seq } = model;
          await bandwidth.apply();
          seen = seq;
        }
      },
      soon: (signal) => soon.run(driver.drive, signal),
      sweep: async (signal) => {
        while (!signal.aborted) {
          if (model.ready) {
            await driver
              .sweep()
              .finally(() =>
                archiveSweep(all, log, model, soon, clock.now(), (plan, error) =>
                  kit.log.warn({ plan, ...errorFields(error) }, 'it cannot be archived yet'),
                ),
              );
          }
          const due = Math.max(leastMs, (driver.nextWake(clock.now()) ?? Number.POSITIVE_INFINITY) - clock.now());
          await clock.sleep(model.ready ? Math.min(sweepMs, due) : leastMs, signal);
        }
      },
    },
  };
}

/** Every answer holds what was written before it was asked for. */
function upToDate(
  model: LiveModel,
  queries: NonNullable<ServiceTable['queries']>,
): NonNullable<ServiceTable['queries']> {
  const after =
    (handler: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      await model.current();
      return handler(...args);
    };
  return Object.fromEntries(Object.entries(queries).map(([name, handler]) => [name, after(handler as never)]));
}
