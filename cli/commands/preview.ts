import { queries } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { exits } from '../errors.ts';
import { collect } from '../files.ts';
import { inspectionsOf } from '../inspections.ts';
import { show, yaml } from '../output.ts';
import { address, choosePlans } from '../plans.ts';
import { action, type Register } from '../program.ts';
import { inspectionLines } from '../render/guest.ts';
import { lastOf } from './watch.ts';

interface Named {
  kind?: string;
  metadata?: { name?: string };
}

export const preview: Register = (program) => {
  program
    .command('preview')
    .description(
      'shows the objects that a plan would make on the target, as YAML, and what would change in the guests that were inspected',
    )
    .argument('[plan]')
    .option('-f, --filename <file>', 'a plan that is not stored', collect)
    .option('--vm <name>', 'of this VM alone, by name or id')
    .action(
      action(
        async ({ api, terminal, format }, plan: string | undefined, options: { filename?: string[]; vm?: string }) => {
          const objects: unknown[] = [];
          const guests: Guests = [];
          for (const each of await choosePlans('preview', plan, options.filename, terminal)) {
            if (format !== 'name' && 'name' in each) guests.push(...(await guestsOf(api, each.name, options.vm)));
            const { parts, ...send } = address(each, 'preview');
            const query = { vm: options.vm };
            objects.push(...(await api.send('POST', parts, queries.previewPlan.result, { ...send, query })).objects);
          }
          if (format === 'json') show(terminal, format, list(objects, guests), () => []);
          else if (format === 'name')
            for (const each of objects as Named[]) terminal.out(`${each.kind?.toLowerCase()}/${each.metadata?.name}`);
          else {
            if (objects.length > 0) terminal.out(objects.map(yaml).join('\n---\n'));
            for (const line of guests.flatMap(guestLines)) terminal.out(line === '' ? '#' : `# ${line}`);
          }
          if (objects.length === 0) terminal.note('Nothing would be made: no VM of it is ready');
          return exits.done;
        },
      ),
    );
};

/** Of the plan's last migration: each guest that was inspected. */
async function guestsOf(api: Api, plan: string, vm: string | undefined): Promise<Guests> {
  const last = await lastOf(api, plan);
  return last ? inspectionsOf(api, last, vm) : [];
}

type Guests = Awaited<ReturnType<typeof inspectionsOf>>;

/** To kubectl a list of objects as any other. */
const list = (items: readonly unknown[], guests: Guests) => ({
  ...{ apiVersion: 'v1', kind: 'List', items },
  guests: guests.map(({ name, found }) => ({ name, ...found })),
});

const guestLines = ({ name, found }: Guests[number]) => ['', `In the guest ${name}:`, ...inspectionLines(found)];
