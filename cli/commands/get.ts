import { exits } from '../errors.ts';
import { kinds, reference } from '../kinds.ts';
import { showItems } from '../output.ts';
import { action, type Register } from '../program.ts';

export const kindNames = kinds.map(({ plural }) => plural).join(', ');

export const get: Register = (program) => {
  program
    .command('get')
    .description('shows what there is of a kind, or one of them')
    .argument('<kind>', kindNames)
    .argument('[name]')
    .option('-l, --selector <labels>', 'only what has these labels, such as team=shop,!old')
    .action(
      action(
        async ({ api, terminal, format }, text: string, given: string | undefined, options: { selector?: string }) => {
          const { kind, name } = reference(text, given);
          const items =
            name === undefined
              ? await api.list([kind.plural], kind.schema, { labelSelector: options.selector })
              : [await api.get([kind.plural, name], kind.schema)];
          showItems(terminal, format, kind, items, name !== undefined);
          if (items.length === 0) terminal.note(`No ${kind.plural} found`);
          return exits.done;
        },
      ),
    );
};
