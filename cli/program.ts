import { durationMs } from '@tranship/contracts';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { Api, outOfTime } from './api.ts';
import { errorLines, exits, toCliError, usage } from './errors.ts';
import { type Format, formats } from './output.ts';
import { type Given, settings } from './settings.ts';
import { type Terminal, terminal } from './terminal.ts';

/** What every command is given. */
export interface Session {
  /** Made at its first use: not every command needs a server. */
  readonly api: Api;
  readonly format: Format;
  readonly terminal: Terminal;
}

interface Global extends Given {
  output: Format;
  quiet?: boolean;
  color: boolean;
  timeout?: number;
}

export type Register = (program: Command) => void;

/** The whole command line. */
export function program(registers: readonly Register[]): Command {
  const made = new Command('tranship')
    .description('Moves virtual machines from VMware vSphere to KubeVirt')
    .option('--server <url>', 'address of the gateway (TRANSHIP_SERVER)')
    .option('--token-file <file>', 'file with the bearer token (TRANSHIP_TOKEN_FILE)')
    .option('--certificate-authority <file>', 'PEM that the gateway’s certificate is judged by')
    .option('--context <name>', 'context of ~/.config/tranship/config.yaml')
    .addOption(
      new Option('-o, --output <format>', 'how the result is shown; html: of a report alone')
        .choices(formats)
        .default('table'),
    )
    .option('--timeout <duration>', 'longest time for the whole command, such as 90s or 2h', milliseconds)
    .option('--quiet', 'nothing but results and errors')
    .option('--no-color', 'no colours (NO_COLOR)')
    .exitOverride()
    .showHelpAfterError('(--help tells more)');
  for (const register of registers) register(made);
  return made;
}

/** Reads `90s`, `10m`, `1h30m`, or seconds. */
export function milliseconds(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : /^(\d+[hms])+$/.test(text) ? durationMs(text) : 0;
  if (ms > 0) return ms;
  throw new InvalidArgumentError('a duration such as 90s, 10m or 1h30m is wanted.');
}

/** Makes a commander action of a command's work. */
export const action =
  <A extends unknown[]>(work: (session: Session, ...args: A) => Promise<number | undefined> | number | undefined) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const args = given.slice(0, -1) as A;
    const global = command.optsWithGlobals<Global>();
    if (global.output === 'html' && command.name() !== 'report') throw usage('-o html: only a report is shown so');
    process.exitCode = (await work(session(global), ...args)) ?? exits.done;
  };

function session({ output, quiet, color, timeout, ...given }: Global): Session {
  let api: Api | undefined;
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
  return {
    format: output,
    terminal: terminal({ color, quiet: quiet === true }),
    get api() {
      api ??= new Api({ ...settings(given), signal });
      return api;
    },
  };
}

/** Runs a command line and sets the exit code. Never throws. */
export async function run(made: Command, argv: readonly string[]): Promise<void> {
  try {
    await made.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = tell(error);
  }
}

function tell(error: unknown): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exits.done : exits.usage;
  const known = (error as Error | undefined)?.name === 'TimeoutError' ? outOfTime() : toCliError(error);
  for (const line of errorLines(known)) process.stderr.write(`${line}\n`);
  return known.exit;
}
