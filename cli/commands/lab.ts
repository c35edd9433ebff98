import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { CliError, exits } from '../errors.ts';
import type { Register } from '../program.ts';

/** The lab: a vSphere and a Kubernetes with KubeVirt on this machine. */
export const lab: Register = (program) => {
  program
    .command('lab')
    .description('a vSphere and a KubeVirt on this machine: up|down|status|reset [--world FILE]')
    .argument('[args...]')
    .allowUnknownOption()
    .action(() => handOn(program, 'lab', 'lab/main.ts'));
};

export const demo: Register = (program) => {
  program
    .command('demo')
    .description('migrates VMs of the lab before your eyes: [--world FILE] [--keep] [--json]')
    .argument('[args...]')
    .allowUnknownOption()
    .action(() => handOn(program, 'demo', 'scripts/demo.ts'));
};

/** All that stands behind the verb of a command line; before it stand options of the program alone, and their values. */
export function behindVerb(program: Command, argv: readonly string[]): string[] {
  let at = 0;
  for (; argv[at]?.startsWith('-'); at++)
    if (program.options.some((option) => option.required && [option.short, option.long].includes(argv[at]!))) at++;
  return argv.slice(at + 1);
}

/** Runs a program of the repository with all that stands behind the verb, and ends as it ends. */
async function handOn(program: Command, verb: string, script: string): Promise<void> {
  const file = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  if (!existsSync(file))
    throw new CliError(`${verb} is part of Tranship’s repository, which is not here`, {
      exit: exits.failed,
      fix: 'Run it from a clone of the repository',
    });
  const child = spawn(process.execPath, [file, ...behindVerb(program, process.argv.slice(2))], { stdio: 'inherit' });
  // The terminal's own signals reach the child as well: it decides when to end.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? exits.failed));
  });
  process.off('SIGINT', ignore);
}
