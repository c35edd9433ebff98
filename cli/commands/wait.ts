import { Option } from 'commander';
import { CliError, exits } from '../errors.ts';
import { action, type Register } from '../program.ts';
import { summary } from '../watch/view.ts';
import { untilOver } from '../watch/watch.ts';
import { migrationOf } from './watch.ts';

const ends = ['succeeded', 'finished', 'failed', 'cancelled'] as const;

export const wait: Register = (program) => {
  program
    .command('wait')
    .description(
      'waits until a migration is over; ends with 3 once it goes no further without a person; --timeout limits it',
    )
    .argument('<migration|plan>')
    .addOption(new Option('--for <end>', 'the end that counts as success').choices(ends).default('succeeded'))
    .action(
      action(async ({ api, terminal }, name: string, options: { for: (typeof ends)[number] }) => {
        const end = await untilOver(api, await migrationOf(api, name));
        if (options.for !== 'finished' && end.state !== options.for)
          throw new CliError(summary(end), {
            exit: exits.failed,
            fix: `See why with \`tranship describe migration ${end.id}\``,
          });
        terminal.note(summary(end));
        return exits.done;
      }),
    );
};
