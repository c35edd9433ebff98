import { type ConcernId, concernCatalogue, type ErrorCode, errorCatalogue } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { CliError, exits } from '../errors.ts';
import { guestOf } from '../inspections.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { conversionLines, inspectionLines } from '../render/guest.ts';
import type { Terminal } from '../terminal.ts';
import { problemOf } from '../watch/model.ts';
import { migrationOf } from './watch.ts';

export const explain: Register = (program) => {
  program
    .command('explain')
    .description(
      'says what an error or a concern means and how to mend it, or why a VM of a migration stands where it does',
    )
    .argument('<code>', 'such as vsphere.login or guest.nic-name, or the migration')
    .argument('[vm]', 'of the migration, by name or id')
    .action(
      action(async ({ api, terminal, format }, code: string, vm: string | undefined) => {
        if (vm !== undefined) {
          const told = await ofVm(api, code, vm);
          show(terminal, format, told, () => vmLines(told, terminal.style));
          return exits.done;
        }
        const known = meaningOf(code);
        if (!known) throw unknown(code);
        show(terminal, format, known.entry, () => [code, ...known.lines]);
        return exits.done;
      }),
    );
};

/** An error or a concern, by the catalogue that has it. */
function meaningOf(code: string) {
  if (Object.hasOwn(errorCatalogue, code)) {
    const { title, fix, retry } = errorCatalogue[code as ErrorCode];
    const again = retry ? 'Tranship tries again by itself' : 'trying again does not help by itself';
    return { entry: { code, title, fix, retry }, lines: [`  ${title}`, `  fix:   ${fix}`, `  retry: ${again}`] };
  }
  if (!Object.hasOwn(concernCatalogue, code)) return undefined;
  const { category, label, fix, acceptable = false } = concernCatalogue[code as ConcernId];
  return {
    entry: { code, category, label, fix, acceptable },
    lines: [
      `  ${label}`,
      `  fix:      ${fix}`,
      `  category: ${category}${acceptable ? ', a plan may accept it (`accept`)' : ''}`,
    ],
  };
}

async function ofVm(api: Api, name: string, given: string) {
  const migration = await migrationOf(api, name);
  const { vms } = await api.migration(migration);
  const vm = vms.find((each) => each.id === given || each.name === given);
  if (!vm) throw new CliError(`${migration} has no VM ${given}`, { exit: exits.notFound });
  const { inspected: inspection, converted: conversion } = await guestOf(api, migration, vm);
  return { migration, vm, inspection, conversion };
}

function vmLines(
  { migration, vm, inspection, conversion }: Awaited<ReturnType<typeof ofVm>>,
  style: Terminal['style'],
): string[] {
  const problem = problemOf(vm);
  return [
    `${vm.name} (${vm.id}) of ${migration}: ${vm.state} since ${vm.since}${vm.released ? ', without a workbench' : ''}`,
    ...(problem ? ['', `${problem.code}: ${problem.detail}`, `  fix: ${problem.fix}`] : []),
    ...(inspection ? ['', 'ITS GUEST, AS IT WAS INSPECTED', ...inspectionLines(inspection, style)] : []),
    ...(conversion ? ['', ...conversionLines(conversion, style)] : []),
  ];
}

function unknown(code: string): CliError {
  const area = code.split('.')[0]!;
  const codes = [...Object.keys(errorCatalogue), ...Object.keys(concernCatalogue)];
  const near = codes.filter((each) => each.startsWith(`${area}.`));
  return new CliError(
    `there is no error or concern ${code}; there are: ${(near.length > 0 ? near : codes).join(', ')}`,
    { exit: exits.notFound },
  );
}
