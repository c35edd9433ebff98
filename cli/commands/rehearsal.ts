import { writeFile } from 'node:fs/promises';
import { type Rehearsal, rehearsalSchema } from '@tranship/contracts';
import { CliError, exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { rehearsalLines } from '../render/rehearsal.ts';
import { migrationOf } from './watch.ts';

interface Options {
  readonly console?: boolean;
  readonly screen?: string;
}

export const rehearsal: Register = (program) => {
  program
    .command('rehearsal')
    .description('how the last rehearsal of a VM went, with what its guest said and showed')
    .argument('<migration>')
    .argument('<vm>', 'by name or id')
    .option('--console', 'what the guest said on its serial console')
    .option('--screen <file>', 'writes its screen at the end into a file, as PNG')
    .action(
      action(async ({ api, terminal, format }, name: string, vm: string, { console, screen }: Options) => {
        const parts = ['migrations', await migrationOf(api, name), 'vms', vm, 'rehearsal'];
        if (console === true) {
          terminal.out(await (await api.request('GET', [...parts, 'console'])).text());
          return exits.done;
        }
        const told: Rehearsal = await api.get(parts, rehearsalSchema);
        if (screen !== undefined) {
          const image = await (await api.request('GET', [...parts, 'screen'])).arrayBuffer();
          await writeFile(screen, Buffer.from(image)).catch((error: Error) => {
            throw new CliError(`${screen}: ${error.message}`, { exit: exits.usage });
          });
        }
        show(terminal, format, told, () => rehearsalLines(told));
        return told.passed ? exits.done : exits.failed;
      }),
    );
};
