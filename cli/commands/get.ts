import { setTimeout as sleep } from 'node:timers/promises';
import { outOfTime } from '../api.ts';
import { exits } from '../errors.ts';
import { type Kind, kinds, reference } from '../kinds.ts';
import { rowsOf, showItems, titlesOf, yaml } from '../output.ts';
import { action, type Register, type Session } from '../program.ts';
import { table } from '../render/table.ts';

export const kindNames = kinds.map(({ plural }) => plural).join(', ');
const lookMs = 2_000;

interface Options {
  selector?: string;
  watch?: boolean;
}

export const get: Register = (program) => {
  program
    .command('get')
    .description('shows what there is of a kind, or one of them')
    .argument('<kind>', kindNames)
    .argument('[name]')
    .option('-l, --selector <labels>', 'only what has these labels, such as team=shop,!old')
    .option('-w, --watch', 'goes on and shows what is new or has changed, until it is interrupted')
    .action(
      action(async (session, text: string, given: string | undefined, { selector, watch }: Options) => {
        const { api, terminal, format } = session;
        const { kind, name } = reference(text, given);
        const read = async () =>
          name === undefined
            ? api.list([kind.plural], kind.schema, { labelSelector: selector })
            : [await api.get([kind.plural, name], kind.schema)];
        if (watch) return follow(session, kind, read);
        const items = await read();
        showItems(terminal, format, kind, items, name !== undefined);
        if (items.length === 0) terminal.note(`No ${kind.plural} found`);
        return exits.done;
      }),
    );
};

/** Each item as it was found, and then each that is new or other than before. Ends with the command's time alone. */
async function follow({ api, terminal, format }: Session, kind: Kind, read: () => Promise<unknown[]>): Promise<number> {
  const people = format === 'table' || format === 'wide';
  // To people only what they see is new; how old it is always would be.
  const seenOf = (item: unknown) => JSON.stringify(people ? rowsOf(format, kind, [item], 0) : item);
  let before: ReadonlyMap<string, string> | undefined;
  for (;;) {
    const items = await read();
    const now = new Map(items.map((item) => [kind.nameOf(item), seenOf(item)]));
    const moved = items.filter((item) => now.get(kind.nameOf(item)) !== before?.get(kind.nameOf(item)));
    const titles = before === undefined ? titlesOf(format, kind) : [];
    if (format === 'json') for (const item of moved) terminal.out(JSON.stringify(item));
    else if (format === 'yaml') for (const item of moved) terminal.out(`---\n${yaml(item)}`);
    else if (format === 'name') for (const item of moved) terminal.out(`${kind.name}/${kind.nameOf(item)}`);
    else if (moved.length > 0) for (const line of table(titles, rowsOf(format, kind, moved))) terminal.out(line);
    for (const name of before?.keys() ?? []) if (!now.has(name)) terminal.note(`${kind.name}/${name} is gone`);
    before = moved.length === 0 && before === undefined ? undefined : now;
    await sleep(lookMs, undefined, { signal: api.signal }).catch(() => {
      throw outOfTime();
    });
  }
}
