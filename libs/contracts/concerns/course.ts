import type { ConcernEntry } from './entry.ts';

/** What comes up while a VM is moved. */
export const courseConcerns = {
  'cbt.off': {
    category: 'warning',
    label: 'Change tracking could not be turned on',
    fix: 'Turn it on yourself (ctkEnabled), or move the VM cold',
  },
  'cbt.lied': {
    category: 'warning',
    label: 'The source called changed blocks unchanged',
    fix: 'Nothing for this migration; reset change tracking of the VM, for its backups believe it too',
  },
  'target.unproven': {
    category: 'warning',
    label: 'Nothing inside has answered',
    fix: 'Look at its console (`virtctl console`, `virtctl vnc`) before the source is archived; a guest that has an agent before it is moved, or a plan with `health.agent: required`, asks for a decision instead',
  },
} as const satisfies Record<string, ConcernEntry>;
