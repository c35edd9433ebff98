import { BusConflict } from '@tranship/bus';
import { expect, test } from 'vitest';
import type { Course } from '../domain/course.ts';
import type { CourseLog } from '../ports.ts';
import { queued } from '../testing/course.ts';
import { sayAll } from './migrations.ts';

const cancel = { type: 'vm.cancel-requested', data: {} } as const;
const courses = ['vm-1', 'vm-2', 'vm-3'].map((vm): Course => ({ ...queued(), vm }));

/** A log in which some courses have just come to their end. */
function logOf(over: readonly string[]) {
  const said: string[] = [];
  const log = {
    append: async ({ vm }: Course) => {
      if (over.includes(vm)) throw new BusConflict(vm);
      said.push(vm);
    },
    load: async (_: string, vm: string) => ({ ...queued(), vm, state: 'OK' }),
  };
  return { said, log: log as unknown as CourseLog };
}

test('words - one to many counts for those that can still hear it; where nobody can it is refused', async () => {
  const { said, log } = logOf(['vm-2']);
  await sayAll(log, courses, cancel);
  expect(said).toEqual(['vm-1', 'vm-3']);
  await expect(sayAll(logOf(['vm-1', 'vm-2', 'vm-3']).log, courses, cancel)).rejects.toMatchObject({
    code: 'document.conflict',
  });
});
