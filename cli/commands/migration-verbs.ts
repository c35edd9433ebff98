import { type MigrationStatus, migrationSchema } from '@tranship/contracts';
import { exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { table } from '../render/table.ts';
import { migrationOf } from './watch.ts';

const verbs = {
  cancel: 'ends a migration, or some of its VMs, and puts the sources back in service',
  retry: 'tries again what has failed',
  rollback: 'gives up the target and puts the source back in service',
} as const;

/** cancel, retry, rollback: of a whole migration, or of the VMs that are named. */
export const migrationVerbs: Register = (program) => {
  for (const [verb, description] of Object.entries(verbs)) {
    program
      .command(verb)
      .description(description)
      .argument('<migration>')
      .argument('[vm...]', 'by name or id; without any, all for which it is possible')
      .action(
        action(async ({ api, terminal, format }, name: string, vms: string[]) => {
          const id = await migrationOf(api, name);
          const each = vms.length > 0 ? vms.map((vm) => ['vms', vm]) : [[]];
          let now: MigrationStatus | undefined;
          for (const parts of each) now = await api.send('POST', ['migrations', id, ...parts, verb], migrationSchema);
          show(terminal, format, now, () => (format === 'name' ? [`migration/${id}`] : rows(now!)));
          return exits.done;
        }),
      );
  }
};

const rows = ({ vms }: MigrationStatus) =>
  table(
    ['VM', 'STATE', 'STEP'],
    vms.map(({ name, state, step }) => [name, state, step ?? '-']),
  );
