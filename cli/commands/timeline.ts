import { queries } from '@tranship/contracts';
import { exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { eventText } from '../render/event-text.ts';
import { table } from '../render/table.ts';
import { duration } from '../render/units.ts';
import { migrationOf } from './watch.ts';

export const timeline: Register = (program) => {
  program
    .command('timeline')
    .description('tells what happened to a migration, or to one of its VMs, in order')
    .argument('<migration>')
    .argument('[vm]', 'by name or id')
    .action(
      action(async ({ api, terminal, format }, name: string, vm: string | undefined) => {
        const id = await migrationOf(api, name);
        const parts = ['migrations', id, ...(vm === undefined ? [] : ['vms', vm]), 'timeline'];
        const told = await api.get(parts, queries.timeline.result);
        show(terminal, format, told, () => {
          const first = Date.parse(told.items[0]?.time ?? '');
          const rows = told.items.map((item) => [
            item.time,
            `+${duration(Date.parse(item.time) - first)}`,
            item.vm ?? '-',
            item.type,
            eventText(item.type, item.data),
          ]);
          return table(['TIME', 'AFTER', 'VM', 'EVENT', 'WHAT'], rows);
        });
        return exits.done;
      }),
    );
};
