import { BusConflict } from '@tranship/bus';
import { type Course, isFinal } from '../domain/course.ts';
import type { MigrationFold } from '../domain/migration.ts';
import { foldPermit, isGranted } from '../domain/permits.ts';
import { admissible } from '../domain/schedule.ts';
import type { Aggregates, CourseLog, Model } from '../ports.ts';

/** Appends that others may overtake in one go; what is left comes with the next event or sweep. */
const races = 100;

/**
 * Admits queued VMs of a migration while permits are free. A permit is granted first, with the expected sequence of the
 * provider's permits, so that no number of replicas exceeds the limit; then the VM is admitted. Gives the VMs admitted.
 */
export async function admit(
  all: Aggregates,
  log: CourseLog,
  model: Model,
  { id, started }: MigrationFold,
): Promise<string[]> {
  const order = started.vms.map((vm) => vm.id);
  const admitted: string[] = [];
  for (let lost = 0; lost < races; lost++) {
    const courses = new Map(order.flatMap((vm) => (model.course(id, vm) ? [[vm, model.course(id, vm)!]] : [])));
    const provider = providerOf(courses.values());
    if (provider === undefined) return admitted;
    let { held, seq } = model.permits(provider);
    try {
      for (;;) {
        const course = admissible(order, courses, held, started.concurrency, id);
        if (!course) return admitted;
        const { vm, plan } = course;
        if (!isGranted(course, held)) {
          const data = { migration: id, vm, host: plan!.host, sessions: plan!.sessions };
          seq = await all.append('permits', [provider], { type: 'permits.granted', data }, seq);
          held = foldPermit(held, { type: 'permits.granted', data, seq });
        }
        await log.append(course, { type: 'vm.admitted', data: {} });
        // Each VM comes once.
        courses.delete(vm);
        admitted.push(vm);
      }
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
      await model.current();
    }
  }
  return admitted;
}

/** Gives back the permits of a provider whose courses are over; the model has read that. */
export async function returnPermits(all: Aggregates, model: Model, provider: string): Promise<void> {
  for (let lost = 0; lost < races; lost++) {
    const { held, seq: last } = model.permits(provider);
    try {
      let seq = last;
      for (const { migration, vm } of held) {
        const course = model.course(migration, vm);
        if (course && isFinal(course))
          seq = await all.append('permits', [provider], { type: 'permits.returned', data: { migration, vm } }, seq);
      }
      if (seq === last) return;
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
    await model.current();
  }
}

export const providerOf = (courses: Iterable<Course>): string | undefined =>
  [...courses].find(({ plan }) => plan)?.plan?.connection.provider;
