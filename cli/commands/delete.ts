import { exits, usage } from '../errors.ts';
import { reference } from '../kinds.ts';
import { action, type Register } from '../program.ts';
import { kindNames } from './get.ts';

export const deleteOne: Register = (program) => {
  program
    .command('delete')
    .description('removes a document')
    .argument('<kind>', kindNames)
    .argument('[name]')
    .option('--dry-run', 'says what would be removed, and removes nothing')
    .action(
      action(
        async ({ api, terminal, format }, text: string, given: string | undefined, options: { dryRun?: boolean }) => {
          const { kind, name } = reference(text, given);
          if (name === undefined) throw usage(`which ${kind.name}? tranship delete ${kind.name} NAME`);
          if (kind.document === undefined)
            throw usage(`a ${kind.name} is history and stays; tranship cancel ${name} ends it`);
          if (options.dryRun) await api.get([kind.plural, name], kind.schema);
          else await api.remove([kind.plural, name]);
          const done = options.dryRun ? ' deleted (dry run)' : ' deleted';
          terminal.out(`${kind.name}/${name}${format === 'name' ? '' : done}`);
          return exits.done;
        },
      ),
    );
};
