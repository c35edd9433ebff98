import { queries } from '@tranship/contracts';
import { exits } from '../errors.ts';
import { collect } from '../files.ts';
import { show, yaml } from '../output.ts';
import { address, choosePlans } from '../plans.ts';
import { action, type Register } from '../program.ts';

interface Named {
  kind?: string;
  metadata?: { name?: string };
}

export const preview: Register = (program) => {
  program
    .command('preview')
    .description('shows the objects that a plan would make on the target, as YAML')
    .argument('[plan]')
    .option('-f, --filename <file>', 'a plan that is not stored', collect)
    .option('--vm <name>', 'of this VM alone, by name or id')
    .action(
      action(
        async ({ api, terminal, format }, plan: string | undefined, options: { filename?: string[]; vm?: string }) => {
          const objects: unknown[] = [];
          for (const each of await choosePlans('preview', plan, options.filename, terminal)) {
            const { parts, ...send } = address(each, 'preview');
            const query = { vm: options.vm };
            objects.push(...(await api.send('POST', parts, queries.previewPlan.result, { ...send, query })).objects);
          }
          if (format === 'json') show(terminal, format, { apiVersion: 'v1', kind: 'List', items: objects }, () => []);
          else if (format === 'name')
            for (const each of objects as Named[]) terminal.out(`${each.kind?.toLowerCase()}/${each.metadata?.name}`);
          else if (objects.length > 0) terminal.out(objects.map(yaml).join('\n---\n'));
          if (objects.length === 0) terminal.note('Nothing would be made: no VM of it is ready');
          return exits.done;
        },
      ),
    );
};
