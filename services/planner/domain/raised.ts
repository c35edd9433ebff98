import { type Concern, concernOf, type StepResult } from '@tranship/contracts';
import type { Course } from './course.ts';
import { agentKnown, agentMode, isUnproven } from './health.ts';

/** What a person is to be told of a course, and was not yet: one at a time. */
export const unraised = (course: Course): Concern | undefined =>
  [...untracked(course), ...lies(course), ...silent(course)].find(
    ({ id, path }) => !course.concerns.some((told) => told.id === id && told.path === path),
  );

function untracked({ results }: Course): Concern[] {
  const { tracking, untracked: why } = (results.snapshot ?? {}) as Partial<StepResult<'snapshot'>>;
  if (tracking !== 'off') return [];
  const found = `every pass, the final one too, reads all of the disks: ${why ?? 'vCenter gave no reason'}`;
  return [concernOf('cbt.off', found, 'changeTracking')];
}

/** Leaves that were read although the source called them unchanged, or once more, and were not the same. */
const lies = ({ passes, plan }: Course): Concern[] =>
  passes.flatMap(({ pass, copied = [] }) =>
    copied
      .filter(({ liedLeaves }) => liedLeaves > 0)
      .map(({ index, auditedLeaves, liedLeaves }): Concern => {
        const disk = plan!.target.disks.find((each) => each.index === index);
        const file = disk?.file ?? `disk ${index}`;
        const why = `pass ${pass}: ${liedLeaves} of ${auditedLeaves} blocks of ${file} that were read all the same had changed; the disk was compared`;
        return concernOf('cbt.lied', why, `passes[${pass}].disks[${disk?.key ?? index}]`);
      }),
  );

/** A target that runs, of which nobody knows whether its guest came up: it may as well be waiting for a disk. */
function silent(course: Course): Concern[] {
  if (course.results.watchHealth === undefined || !isUnproven(course) || agentMode(course) === 'ignore') return [];
  const why = `the target runs, and ${agentKnown(course)}: whether its guest is up is not known`;
  return [concernOf('target.unproven', why, 'health.agent')];
}
