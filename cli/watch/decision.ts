import { askingStates, finalStates, type MigrationStatus, type VmStatus } from '@tranship/contracts';
import { CliError, exits } from '../errors.ts';
import { problemOf } from './model.ts';

/** What a person may say of a VM that stands, and what comes of it. */
const ways: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'decision-needed': {
    retry: 'goes on where it stood',
    rollback: 'gives up the target and puts the source back in service',
  },
  contested: {
    retry: 'removes what was made and begins anew',
    cancel: 'removes what was made and leaves the source as it is',
  },
};
const most = 10;

/** The VMs that a person must decide of, once no other of the migration moves: it goes no further by itself. */
export const undecided = ({ state, vms }: MigrationStatus): readonly VmStatus[] =>
  state === 'running' && vms.every((vm) => finalStates.has(vm.state) || askingStates.has(vm.state))
    ? vms.filter((vm) => askingStates.has(vm.state))
    : [];

/** The command line for each way that there is for a VM, with what comes of it. */
export const wayLines = (migration: string, { state, name }: VmStatus): string[] =>
  Object.entries(ways[state] ?? {}).map(([verb, what]) => `tranship ${verb} ${migration} ${word(name)}: ${what}`);

const word = (name: string) => (/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

/** How a command ends that has waited for such a migration. */
export function decisionNeeded(migration: MigrationStatus): CliError {
  const { id, vms } = migration;
  const asking = undecided(migration);
  const told = asking.slice(0, most);
  const more = asking.length > most ? [`and ${asking.length - most} more: tranship describe migration ${id}`] : [];
  const what = told.map((vm) => {
    const problem = problemOf(vm);
    return `${vm.name} is ${vm.state}${problem === undefined ? '' : `: ${problem.code}: ${problem.detail}`}`;
  });
  return new CliError(
    [`${id} waits for a person, for ${asking.length} of its ${vms.length} VMs`, ...what, ...more].join('\n  '),
    { exit: exits.notReady, fix: told.flatMap((vm) => wayLines(id, vm)).join('\n        ') },
  );
}
