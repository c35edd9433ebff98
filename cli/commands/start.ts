import { queries } from '@tranship/contracts';
import { exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { watchMigration } from '../watch/watch.ts';
import { exitOfMigration } from './watch.ts';

export const start: Register = (program) => {
  program
    .command('start')
    .description('starts a plan and prints the migration’s name')
    .argument('<plan>')
    .option('--ready-only', 'without the VMs that have critical concerns')
    .option('-w, --watch', 'goes on as `watch`')
    .action(
      action(async ({ api, terminal, format }, plan: string, options: { readyOnly?: boolean; watch?: boolean }) => {
        const name = plan.replace(/^plans?\//, '');
        const body = { readyOnly: options.readyOnly === true };
        const started = await api.send('POST', ['plans', name, 'start'], queries.startPlan.result, { body });
        const { migration } = started;
        show(terminal, format, started, () => [format === 'name' ? `migration/${migration}` : migration]);
        if (!options.watch) return exits.done;
        return exitOfMigration(await watchMigration(api, migration, terminal));
      }),
    );
};
