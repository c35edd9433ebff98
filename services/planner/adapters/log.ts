import type { Bus, StoredEvent } from '@tranship/bus';
import { type Aggregate, commandId, envelope, steps, subjects, type TranshipEvent } from '@tranship/contracts';
import { type Clock, currentTraceparent } from '@tranship/service-kit';
import { apply, type Course, newCourse } from '../domain/course.ts';
import type { Aggregates, Commands, CourseLog } from '../ports.ts';

const source = 'tranship/planner';

export function aggregates(bus: Bus, clock: Clock): Aggregates {
  return {
    read: (aggregate, ...id) => bus.events.readSubject(subjects.event(aggregate, ...id)),
    append: (aggregate, id, event, expected, traceparent) => {
      const context = { source, time: new Date(clock.now()), traceparent };
      return bus.events.append(subjects.event(aggregate, ...id), [event], expected, context);
    },
  };
}

export function courseLog(all: Aggregates): CourseLog {
  return {
    load: async (migration, vm) =>
      foldCourse(migration, vm, (await all.read('vm' satisfies Aggregate, migration, vm)).events as StoredEvent[]),
    append: async (course, event) => {
      // What nobody asks for just now, as in the sweep, belongs to the trace of the start.
      const traceparent = currentTraceparent() ?? course.traceparent;
      await all.append('vm', [course.migration, course.vm], event, course.seq, traceparent);
    },
  };
}

export const foldCourse = (migration: string, vm: string, events: readonly StoredEvent[]): Course =>
  events.reduce((course, event) => apply(course, event as unknown as TranshipEvent, event), newCourse(migration, vm));

export function commandIssuer(bus: Bus, clock: Clock): Commands {
  return {
    issue: async (course, { step, input }) => {
      const { migration, vm, attempt, traceparent } = course;
      const { service } = steps[step];
      const subject = subjects.command(service, step, migration, vm);
      const id = commandId(migration, vm, step, attempt);
      if (await bus.commands.pending(subject, id)) return;
      const type = `tranship.cmd.${service}.${step}`;
      const time = new Date(clock.now());
      await bus.commands.send(subject, envelope({ id, source, type, time, traceparent, data: input }));
    },
  };
}
