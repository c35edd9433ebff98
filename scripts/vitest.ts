import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asInImage } from '../lab/setup/cache.ts';
import { execute, type Tally } from './checks.ts';

/** Runs vitest projects together and counts their tests; a run that leaves no report counts as one failure. */
export async function runTests(projects: readonly string[], filter: readonly string[]): Promise<Tally> {
  console.log(`\n— ${projects.join(' and ')} tests`);
  const folder = mkdtempSync(join(tmpdir(), 'tranship-vitest-'));
  const report = join(folder, 'report.json');
  try {
    const args = [
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      '--passWithNoTests',
      ...filter,
    ];
    const code = await execute('vitest', args, asInImage);
    const found = JSON.parse(readFileSync(report, 'utf8')) as Record<
      'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numFailedTestSuites',
      number
    >;
    const failed = found.numFailedTests || (code === 0 ? 0 : Math.max(1, found.numFailedTestSuites));
    return { passed: found.numPassedTests, failed, skipped: found.numPendingTests };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
