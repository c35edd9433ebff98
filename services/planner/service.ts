import type { Kit, ServiceTable } from '@tranship/service-kit';
import { aggregates, commandIssuer, courseLog } from './adapters/log.ts';
import { type LiveModel, liveModel } from './adapters/model.ts';
import type { Engine } from './advance.ts';
import { isFinal } from './domain/course.ts';
import { driver as makeDriver } from './drive.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import { report } from './handlers/report.ts';
import { startPlan } from './handlers/start-plan.ts';
import { Bandwidth, withLimits } from './limits.ts';

/** What is due and unanswered is issued again this often. */
const sweepMs = 30_000;
/** Between two looks, however much is due. */
const leastMs = 200;
/** So much later, at most, a change of bandwidth is written for the copies that run. */
const limitsMs = 250;

/** planner: plans, validation, scheduling, and the course of every VM. */
export async function service(kit: Kit): Promise<ServiceTable> {
  const { bus, clock } = kit;
  const all = aggregates(bus, clock);
  const log = courseLog(all);
  const model = liveModel(bus);
  const bandwidth = new Bandwidth(model, bus.limits);
  const commands = withLimits(commandIssuer(bus, clock), bandwidth);
  const engine: Engine = { log, commands, present: () => ({ now: clock.now(), history: model.history() }) };
  const driver = makeDriver(all, engine, model);
  return {
    ready: () => model.ready,
    commands: {
      report: async (message) => {
        const course = await report(engine, message);
        const migration = model.migration(course.migration);
        if (migration && isFinal(course)) await driver.drive(migration);
      },
    },
    queries: upToDate(model, {
      ...planQueries(all, model, kit),
      ...migrationQueries(all, engine, driver, model, kit.query),
      startPlan: (request) => startPlan(all, log, model, driver, kit, request),
    }),
    background: {
      model: (signal) => model.follow(signal),
      limits: async (signal) => {
        for (let seen = 0; !signal.aborted; await clock.sleep(limitsMs, signal)) {
          if (!model.ready || model.seq === seen) continue;
          const { seq } = model;
          await bandwidth.apply();
          seen = seq;
        }
      },
      sweep: async (signal) => {
        while (!signal.aborted) {
          if (model.ready) await driver.sweep();
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
