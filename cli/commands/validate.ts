import { type Validation, validationSchema } from '@tranship/contracts';
import { exits } from '../errors.ts';
import { collect } from '../files.ts';
import { show } from '../output.ts';
import { address, choosePlans } from '../plans.ts';
import { action, type Register } from '../program.ts';
import { concernLines } from './concerns.ts';

export const validate: Register = (program) => {
  program
    .command('validate')
    .description('lists every concern of every VM of a plan, each with why and fix')
    .argument('[plan]')
    .option('-f, --filename <file>', 'a plan that is not stored', collect)
    .action(
      action(async ({ api, terminal, format }, plan: string | undefined, options: { filename?: string[] }) => {
        const found: Validation[] = [];
        for (const each of await choosePlans('validate', plan, options.filename, terminal)) {
          const { parts, ...send } = address(each, 'validate');
          found.push(await api.send('POST', parts, validationSchema, send));
        }
        show(terminal, format, found.length === 1 ? found[0] : { items: found }, () =>
          format === 'name'
            ? found.flatMap(({ vms }) => vms.flatMap(({ name, concerns }) => concerns.map(({ id }) => `${name}/${id}`)))
            : found.flatMap((each) => concernLines(each, terminal.style)),
        );
        return found.every(({ ready }) => ready) ? exits.done : exits.notReady;
      }),
    );
};
