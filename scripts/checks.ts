import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs a program from the repository's root with its output shown; gives the exit code. */
export function execute(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const path = `${root}node_modules/node/bin:${root}node_modules/.bin:${process.env.PATH}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', ...env },
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** One check of the whole tree: counts as one test. */
export async function check(title: string, program: string, args: readonly string[]): Promise<Tally> {
  console.log(`\n— ${title}`);
  const code = await execute(program, args);
  if (code !== 0) console.log(`✗ ${title}: failed (${program} ${args.join(' ')})`);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

export const quick: readonly [string, string, readonly string[]][] = [
  ['format and lint', 'biome', ['ci', '--colors=off', '.']],
  ['types', 'turbo', ['run', 'types', '--output-logs=errors-only', '--no-update-notifier']],
  ['types of scripts', 'tsc', ['-p', '.']],
  [
    'import rules',
    'depcruise',
    ['--config', '.dependency-cruiser.mjs', 'libs', 'services', 'cli', 'lab', 'e2e', 'scripts', 'bench', 'deploy'],
  ],
];

export const sum = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    { passed: 0, failed: 0, skipped: 0 },
  );

/** The closing line of every command that tests. */
export function close({ passed, failed, skipped }: Tally): void {
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
