import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { run } from './run.ts';
import { changedPlaces, reader } from './undo.ts';

const createMs = 60_000;
const writeMs = 600_000;

/** Writes a qcow2 file over `base` that holds what was changed in `changed`, a copy of it: the blocks that undo logs name. */
export async function writeOverlay(
  { base, changed, logs, overlay }: { base: string; changed: string; logs: readonly string[]; overlay: string },
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  const ran = async (program: string, args: readonly string[], deadlineMs: number, input?: string) => {
    const { code, stdout, stderr } = await run(program, args, {
      deadlineMs,
      signal,
      ...(input === undefined ? {} : { input }),
    });
    if (code !== 0 || /failed|error/i.test(stdout))
      throw new TranshipError('guest.conversion', `${program}: ${stderr.trim() || stdout.trim()}`);
  };
  await ran('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base, overlay], createMs);
  const from = openSync(changed, 'r');
  try {
    const read = reader(from);
    const commands = logs.flatMap(changedPlaces).map(({ offset, length }, i) => {
      const file = join(scratch, `block-${i}`);
      writeFileSync(file, read(offset, length));
      return `write -q -s ${file} ${offset} ${length}\n`;
    });
    await ran('qemu-io', ['-f', 'qcow2', overlay], writeMs, commands.join(''));
  } finally {
    closeSync(from);
  }
}
