import { type Check, queries } from '@tranship/contracts';
import { CliError, exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { checkLines } from './checks.ts';

export const doctor: Register = (program) => {
  program
    .command('doctor')
    .description(
      'looks at everything that must be in place: gateway, NATS, services, cluster, providers; each with a fix',
    )
    .action(
      action(async ({ api, terminal, format }) => {
        const checks = await api
          .get(['doctor'], queries.testProvider.result)
          .then((found): readonly Check[] => found.checks)
          .catch((error: unknown): readonly Check[] => {
            // Without the gateway nothing else can be seen; that, too, is an answer.
            if (!(error instanceof CliError) || error.exit !== exits.unreachable) throw error;
            return [{ name: 'gateway', ok: false, detail: error.message, ...(error.fix ? { fix: error.fix } : {}) }];
          });
        show(terminal, format, { checks }, () => checkLines(checks, terminal));
        return checks.every(({ ok }) => ok) ? exits.done : exits.notReady;
      }),
    );
};
