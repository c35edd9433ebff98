import {
  inspectFactsSchema,
  type MigrationStatus,
  migrationSchema,
  type VmStatus,
  validationSchema,
} from '@tranship/contracts';
import type { Api } from '../api.ts';
import { exits, toCliError, usage } from '../errors.ts';
import { reference, type Stored } from '../kinds.ts';
import { show, yaml } from '../output.ts';
import { action, type Register } from '../program.ts';
import { factLines } from '../render/guest.ts';
import { table } from '../render/table.ts';
import { duration } from '../render/units.ts';
import { downtime, problemOf } from '../watch/model.ts';
import { summary } from '../watch/view.ts';
import { concernLines } from './concerns.ts';
import { kindNames } from './get.ts';

export const describe: Register = (program) => {
  program
    .command('describe')
    .description('tells all about one thing')
    .argument('<kind>', kindNames)
    .argument('[name]')
    .action(
      action(async ({ api, terminal, format }, text: string, given: string | undefined) => {
        const { kind, name } = reference(text, given);
        if (name === undefined) throw usage(`which ${kind.name}? tranship describe ${kind.name} NAME`);
        if (kind.document === undefined) {
          const migration = await api.migration(name);
          show(terminal, format, migration, () => migrationLines(migration));
          return exits.done;
        }
        const found = (await api.get([kind.plural, name], kind.schema)) as Stored;
        const more = kind.document === 'Plan' ? await planLines(api, name) : [];
        show(terminal, format, found, () => [...yaml(found).split('\n'), ...more]);
        return exits.done;
      }),
    );
};

/** What a plan's document does not say: whether it is ready, and what has become of it. */
async function planLines(api: Api, name: string): Promise<string[]> {
  const migrations = await api.list(['migrations'], migrationSchema, { plan: name });
  // Without a source or a target it cannot be validated; the rest is told nevertheless.
  const concerns = await api.send('POST', ['plans', name, 'validate'], validationSchema).then(concernLines, (error) => {
    return [`not validated: ${toCliError(error).message}`];
  });
  const started = migrations.length > 0 ? ['', 'migrations', ...migrations.map((each) => `  ${summary(each)}`)] : [];
  return ['', 'concerns', ...concerns.map((line) => `  ${line}`), ...started];
}

function migrationLines(migration: MigrationStatus): string[] {
  const now = Date.now();
  const rows = migration.vms.map((vm) => {
    const down = downtime(vm, now);
    return [vm.name, vm.id, vm.state, vm.step ?? '-', String(vm.attempt), vm.since, down ? duration(down.ms) : '-'];
  });
  const problems = migration.vms.flatMap((vm) => {
    const problem = problemOf(vm);
    const kept = vm.kept
      ? ['  its copy is kept: `tranship retry` goes on from it, `tranship archive` of the plan removes it']
      : [];
    return [
      ...(vm.waits === undefined ? [] : ['', `${vm.name} waits ${vm.waits}`]),
      ...(vm.paced === undefined ? [] : ['', `${vm.name} is slowed ${vm.paced}`]),
      ...(vm.concerns ?? []).flatMap(({ id, why, fix }) => ['', `${vm.name}: ${id}: ${why}`, `  fix: ${fix}`]),
      ...(problem ? ['', `${vm.name}: ${problem.code}: ${problem.detail}`, `  fix: ${problem.fix}`, ...kept] : []),
    ];
  });
  const head = [`${summary(migration)}`, `plan     ${migration.plan}`, `started  ${migration.started}`];
  const ended = migration.finished === undefined ? [] : [`finished ${migration.finished}`];
  const titles = ['VM', 'ID', 'STATE', 'STEP', 'ATTEMPT', 'SINCE', 'DOWNTIME'];
  return [...head, ...ended, '', ...table(titles, rows), ...migration.vms.flatMap(guestLines), ...problems];
}

/** What its inspection found, where it was inspected. */
function guestLines({ name, results }: VmStatus): string[] {
  const { data } = inspectFactsSchema.safeParse(results.inspect);
  return data ? ['', `guest of ${name}`, ...factLines(data).map((line) => `  ${line}`.trimEnd())] : [];
}
