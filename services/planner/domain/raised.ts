import type { Concern, StepResult } from '@tranship/contracts';
import type { Course } from './course.ts';
import { agentMode, isUnproven } from './health.ts';

/** What a person is to be told of a course, and was not yet: one at a time. */
export const unraised = (course: Course): Concern | undefined =>
  [...untracked(course), ...lies(course), ...silent(course)].find(
    ({ id, path }) => !course.concerns.some((told) => told.id === id && told.path === path),
  );

function untracked({ results }: Course): Concern[] {
  const { tracking, untracked: why } = (results.snapshot ?? {}) as Partial<StepResult<'snapshot'>>;
  if (tracking !== 'off') return [];
  return [
    {
      ...{
        id: 'cbt.off',
        category: 'warning',
        path: 'changeTracking',
        label: 'Change tracking could not be turned on',
      },
      why: `every pass, the final one too, reads all of the disks: ${why ?? 'vCenter gave no reason'}`,
      fix: 'Turn it on yourself (ctkEnabled), or move the VM cold',
    },
  ];
}

/** Leaves that were read although the source called them unchanged, or once more, and were not the same. */
const lies = ({ passes, plan }: Course): Concern[] =>
  passes.flatMap(({ pass, copied = [] }) =>
    copied
      .filter(({ liedLeaves }) => liedLeaves > 0)
      .map(({ index, auditedLeaves, liedLeaves }): Concern => {
        const disk = plan!.target.disks.find((each) => each.index === index);
        return {
          ...{ id: 'cbt.lied', category: 'warning', path: `passes[${pass}].disks[${disk?.key ?? index}]` },
          label: 'The source called changed blocks unchanged',
          why: `pass ${pass}: ${liedLeaves} of ${auditedLeaves} blocks of ${disk?.file ?? `disk ${index}`} that were read all the same had changed; the disk was compared`,
          fix: 'Nothing for this migration; reset change tracking of the VM, for its backups believe it too',
        };
      }),
  );

/** A target that runs, of which nobody knows whether its guest came up: it may as well be waiting for a disk. */
function silent(course: Course): Concern[] {
  if (course.results.watchHealth === undefined || !isUnproven(course) || agentMode(course) === 'ignore') return [];
  return [
    {
      ...{ id: 'target.unproven', category: 'warning', path: 'health.agent', label: 'Nothing inside has answered' },
      why: 'the target runs, but no guest agent has answered: whether its guest is up is not known',
      fix: 'Look at its console (`virtctl console`, `virtctl vnc`) before the source is archived; with `health.agent: required` such a VM asks for a decision',
    },
  ];
}
