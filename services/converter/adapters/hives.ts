import { closeSync, openSync, statSync } from 'node:fs';
import { TranshipError } from '@tranship/contracts';
import type { Change } from '../domain/changes.ts';
import { Hive } from '../domain/windows/hive.ts';
import { mergeText, missing, shownText } from '../domain/windows/registry.ts';
import { type Bounds, run } from './run.ts';
import { reader } from './undo.ts';

type HiveChange = Extract<Change, { kind: 'hive' }>;

const mergeMs = 300_000;
const mib = 1024 ** 2;
/** hivex holds the whole hive in memory, and writes all of it. */
const boundsOf = (size: number): Bounds => ({ memory: 256 * mib + 3 * size, file: size + 16 * mib });

/** Opens a hive that lies in a file here, for `use`. */
export function withHive<T>(file: string, use: (hive: Hive) => T): T {
  const handle = openSync(file, 'r');
  try {
    return use(new Hive(reader(handle)));
  } finally {
    closeSync(handle);
  }
}

/** Edits a hive by hivex, in place, and tells the values that changed, before and after. Throws `guest.conversion` when it does not hold them afterwards. */
export async function editHive(
  file: string,
  { path, prefix, edits }: HiveChange,
  signal: AbortSignal,
): Promise<{ before: string; after: string }> {
  const { input, before } = withHive(file, (hive) => ({
    input: mergeText(hive, edits, prefix),
    before: shownText(edits, prefix, hive),
  }));
  const args = ['--merge', '--encoding=UTF-16LE', '--prefix', prefix, file];
  const { code, stderr } = await run('hivexregedit', args, {
    ...{ input, deadlineMs: mergeMs, signal },
    bounds: boundsOf(statSync(file).size),
  });
  const fail = (why: string) => new TranshipError('guest.conversion', `${path}: ${why}`);
  if (code !== 0) throw fail(`hivexregedit ends with ${code}: ${stderr.trim().split('\n').slice(0, 3).join('; ')}`);
  return withHive(file, (hive) => {
    const [left] = missing(hive, edits);
    if (left || !hive.clean) throw fail(`hivexregedit did not write ${left?.key ?? 'it to its end'}`);
    return { before, after: shownText(edits, prefix) };
  });
}
