import { type MigrationStatus, migrationSchema } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { CliError, type Exit, exits } from '../errors.ts';
import { action, type Register } from '../program.ts';
import { watchMigration } from '../watch/watch.ts';

export const watch: Register = (program) => {
  program
    .command('watch')
    .description(
      'shows a migration as it goes: a row for each VM, a bar for each disk; off a terminal it ends with 3 once a person must decide',
    )
    .argument('<migration|plan>', 'of a plan its last migration')
    .action(
      action(async ({ api, terminal }, name: string) =>
        exitOfMigration(await watchMigration(api, await migrationOf(api, name), terminal)),
      ),
    );
};

export const exitOfMigration = ({ state }: MigrationStatus): Exit =>
  state === 'succeeded' ? exits.done : exits.failed;

/** The last migration of a plan. */
export async function lastOf(api: Api, plan: string): Promise<MigrationStatus | undefined> {
  const all = await api.list(['migrations'], migrationSchema, { plan });
  return all.sort((a, b) => Date.parse(a.started) - Date.parse(b.started)).at(-1);
}

/** The id of a migration that is named by itself or by its plan. @throws CliError when there is neither */
export async function migrationOf(api: Api, text: string): Promise<string> {
  const name = text.replace(/^(migrations?|plans?)\//, '');
  const itself = text.startsWith('plan') ? undefined : await api.find(['migrations', name], migrationSchema);
  if (itself) return itself.id;
  const last = await lastOf(api, name);
  if (last) return last.id;
  throw new CliError(`there is no migration ${name}, and none of a plan ${name}`, {
    exit: exits.notFound,
    fix: 'List them with `tranship get migrations`',
    code: 'document.not-found',
  });
}
