import type { Kit, ServiceTable } from '@tranship/service-kit';
import { aggregates, commandIssuer, courseLog } from './adapters/log.ts';
import { liveModel } from './adapters/model.ts';
import { isFinal } from './domain/course.ts';
import { driver as makeDriver } from './drive.ts';
import { migrationQueries } from './handlers/migrations.ts';
import { planQueries } from './handlers/plans.ts';
import { report } from './handlers/report.ts';
import { startPlan } from './handlers/start-plan.ts';

/** What is due and unanswered is issued again this often. */
const sweepMs = 30_000;

/** planner: plans, validation, scheduling, and the course of every VM. */
export async function service(kit: Kit): Promise<ServiceTable> {
  const { bus, clock } = kit;
  const all = aggregates(bus, clock);
  const log = courseLog(all);
  const commands = commandIssuer(bus, clock);
  const model = liveModel(bus);
  const driver = makeDriver(all, log, commands, model);
  return {
    ready: () => model.ready,
    commands: {
      report: async (message) => {
        const course = await report(log, commands, message);
        const migration = model.migration(course.migration);
        if (migration && isFinal(course)) await driver.drive(migration);
      },
    },
    queries: {
      ...planQueries(all, model, kit),
      ...migrationQueries(all, log, commands, driver, model),
      startPlan: (request) => startPlan(all, log, model, driver, kit, request),
    },
    background: {
      model: (signal) => model.follow(signal, () => {}),
      sweep: async (signal) => {
        while (!signal.aborted) {
          if (model.ready) await driver.sweep();
          await clock.sleep(model.ready ? sweepMs : 200, signal);
        }
      },
    },
  };
}
