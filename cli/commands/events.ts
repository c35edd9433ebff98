import { root } from '@tranship/contracts';
import { exits, usage } from '../errors.ts';
import { followEvents } from '../follow.ts';
import { action, milliseconds, type Register } from '../program.ts';
import { eventText, type ToldEvent } from '../render/event-text.ts';

interface Options {
  follow?: boolean;
  since?: string;
  subject?: string;
  migration?: string;
}

export const events: Register = (program) => {
  program
    .command('events')
    .description('prints the event log; with -o json an object a line')
    .option('-f, --follow', 'goes on as it grows')
    .option('--since <time>', 'from this moment (2026-12-01T22:00:00Z) or this long ago (10m)')
    .option('--subject <filter>', 'only these, such as vm.> or plan.*')
    .option('--migration <name>', 'only what belongs to this migration')
    .action(
      action(async ({ api, terminal, format }, options: Options) => {
        const { follow, since, subject, migration } = options;
        const query = {
          subject,
          migration,
          since: since === undefined ? undefined : moment(since, Date.now()),
          follow: follow ? '1' : '0',
        };
        const onLost = () => terminal.note('the connection is lost; trying again');
        for await (const { event, data } of followEvents(api, { query, signal: api.signal, onLost })) {
          if (event === 'caught-up') continue;
          terminal.out(format === 'json' ? data : line(JSON.parse(data) as ToldEvent, format === 'wide'));
        }
        api.signal.throwIfAborted();
        return exits.done;
      }),
    );
};

/** An absolute time, or a duration back from now, as ISO 8601. */
export function moment(text: string, now: number): string {
  if (/^\d/.test(text) && /[hms]$/.test(text)) return new Date(now - milliseconds(text)).toISOString();
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw usage(`--since: ${text} is neither a time nor a duration such as 10m`);
  return new Date(at).toISOString();
}

function line({ seq, time, type, subject, data }: ToldEvent, wide: boolean): string {
  const about = subject.replace(`${root}.evt.`, '');
  const what = eventText(type, data);
  return [...(wide ? [String(seq)] : []), time, type.padEnd(20), about, what].join('  ').trimEnd();
}
