import { type MigrationStatus, migrationSchema } from '@tranship/contracts';
import { InvalidArgumentError } from 'commander';
import { exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register, type Session } from '../program.ts';
import { table } from '../render/table.ts';
import { migrationOf } from './watch.ts';

const verbs = {
  cancel: 'ends a migration, or some of its VMs, and puts the sources back in service',
  retry: 'tries again what has failed',
  pause: 'holds further passes, and the cutover',
  resume: 'lets go on what was paused',
  rehearse: 'boots the copy, converted, in isolation, between two passes',
  rollback: 'gives up the target and puts the source back in service',
} as const;

/** cutover, and the like: of a whole migration, or of the VMs that are named. */
export const migrationVerbs: Register = (program) => {
  command(program, 'cutover', 'stops the sources and starts the targets of a warm migration, or of some of its VMs')
    .option('--at <time>', 'not now but then, for instance 2026-12-01T22:00:00+01:00')
    .option('--force', 'even when the forecast is over the budget, or no window is open; never without the proof')
    .action(
      action((context, name: string, vms: string[], { at, force }: { at?: string; force?: boolean }) =>
        act(context, name, vms, 'cutover', { force: force === true, ...(at === undefined ? {} : { at }) }),
      ),
    );
  command(program, 'throttle', 'limits what the copies may read of their sources, now and in later passes')
    .requiredOption('--mbps <rate>', 'megabytes a second for each VM, or off', rate)
    .action(
      action((context, name: string, vms: string[], { mbps }: { mbps: number | null }) =>
        act(context, name, vms, 'throttle', { mbps }),
      ),
    );
  for (const [verb, description] of Object.entries(verbs))
    command(program, verb, description).action(
      action((context, name: string, vms: string[]) => act(context, name, vms, verb)),
    );
};

function rate(text: string): number | null {
  if (text === 'off') return null;
  const mbps = Number(text);
  if (Number.isFinite(mbps) && mbps > 0) return mbps;
  throw new InvalidArgumentError('megabytes a second, such as 40 or 2.5, or off, are wanted.');
}

const command = (program: Parameters<Register>[0], verb: string, description: string) =>
  program
    .command(verb)
    .description(description)
    .argument('<migration>')
    .argument('[vm...]', 'by name or id; without any, all for which it is possible');

async function act(
  { api, terminal, format }: Session,
  name: string,
  vms: readonly string[],
  verb: string,
  body?: object,
): Promise<number> {
  const id = await migrationOf(api, name);
  const each = vms.length > 0 ? vms.map((vm) => ['vms', vm]) : [[]];
  let now: MigrationStatus | undefined;
  for (const parts of each)
    now = await api.send('POST', ['migrations', id, ...parts, verb], migrationSchema, body ? { body } : {});
  show(terminal, format, now, () => (format === 'name' ? [`migration/${id}`] : rows(now!)));
  return exits.done;
}

const rows = ({ vms }: MigrationStatus) =>
  table(
    ['VM', 'STATE', 'STEP'],
    vms.map(({ name, state, step }) => [name, state, step ?? '-']),
  );
