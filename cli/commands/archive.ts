import { type MigrationStatus, migrationSchema, planSchema } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { CliError, exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { problemOf } from '../watch/model.ts';
import { untilOver } from '../watch/watch.ts';

export const archive: Register = (program) => {
  program
    .command('archive')
    .description('ends a plan for good: turns off change tracking that was turned on for it, and removes what was kept')
    .argument('<plan>')
    .action(
      action(async ({ api, terminal, format }, given: string) => {
        const name = given.replace(/^plans?\//, '');
        await api.send('POST', ['plans', name, 'archive'], planSchema);
        const ended = await Promise.all((await running(api, name)).map(({ id }) => untilOver(api, id)));
        const plan = await api.get(['plans', name], planSchema);
        if ((plan.status as { archived?: string } | undefined)?.archived === undefined) throw unfinished(name, ended);
        show(terminal, format, plan, () => [`plan/${name}${format === 'name' ? '' : ' archived'}`]);
        return exits.done;
      }),
    );
};

const running = async (api: Api, plan: string) =>
  (await api.list(['migrations'], migrationSchema, { plan })).filter(({ state }) => state === 'running');

function unfinished(name: string, ended: readonly MigrationStatus[]): CliError {
  const problems = ended.flatMap(({ vms }) => vms.map((vm) => ({ name: vm.name, problem: problemOf(vm) })));
  const first = problems.find(({ problem }) => problem !== undefined);
  const why = first ? `: ${first.name}: ${first.problem!.code}: ${first.problem!.detail}` : '';
  return new CliError(`the plan ${name} is not archived${why}`, {
    exit: exits.failed,
    fix: first?.problem?.fix ?? `See \`tranship timeline ${name}\`, and archive it again`,
  });
}
