import { BusConflict } from '@tranship/bus';
import type { Course } from './domain/course.ts';
import { isFinal } from './domain/course.ts';
import type { MigrationFold } from './domain/migration.ts';
import { foldPermits } from './domain/permits.ts';
import { admissible } from './domain/schedule.ts';
import type { Aggregates, CourseLog } from './ports.ts';

/** VMs admitted in one go; the rest come with the next event or sweep. */
const bound = 1000;

/**
 * Admits queued VMs of a migration while permits are free. A permit is granted first, with the expected sequence of the
 * provider's permits, so that no number of replicas exceeds the limit; then the VM is admitted. Gives the VMs admitted.
 */
export async function admit(all: Aggregates, log: CourseLog, migration: MigrationFold): Promise<string[]> {
  const { id, started } = migration;
  const order = started.vms.map((vm) => vm.id);
  const admitted: string[] = [];
  for (let i = 0; i < bound; i++) {
    const courses = new Map<string, Course>();
    for (const vm of order) courses.set(vm, await log.load(id, vm));
    const provider = [...courses.values()].find((course) => course.plan)?.plan?.connection.provider;
    if (provider === undefined) return admitted;
    const permits = await all.read('permits', provider);
    const held = foldPermits(permits.events);
    const course = admissible(order, courses, held, started.concurrency, id);
    if (!course) return admitted;
    const { vm, plan } = course;
    try {
      if (!held.some((permit) => permit.migration === id && permit.vm === vm)) {
        const data = { migration: id, vm, host: plan!.host, sessions: plan!.sessions };
        await all.append('permits', [provider], { type: 'permits.granted', data }, permits.seq);
      }
      await log.append(course, { type: 'vm.admitted', data: {} });
      admitted.push(vm);
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
  }
  return admitted;
}

/** Gives back the permit of a VM whose course is over. */
export async function returnPermit(all: Aggregates, course: Course): Promise<void> {
  const provider = course.plan?.connection.provider;
  if (provider === undefined || !isFinal(course)) return;
  const { migration, vm } = course;
  for (let i = 0; i < 20; i++) {
    const permits = await all.read('permits', provider);
    if (!foldPermits(permits.events).some((permit) => permit.migration === migration && permit.vm === vm)) return;
    try {
      await all.append('permits', [provider], { type: 'permits.returned', data: { migration, vm } }, permits.seq);
      return;
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
  }
}
