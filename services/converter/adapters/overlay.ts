import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { merged, type Place } from '../domain/merged.ts';
import { run } from './run.ts';
import { reader } from './undo.ts';

const createMs = 60_000;
const writeMs = 600_000;

/** A file in which a part of a disk was changed, and where. */
export interface ChangedPart {
  readonly file: string;
  readonly places: readonly Place[];
  /** Where the file's first byte lies on the disk. */
  readonly offset: number;
}

/** Makes a qcow2 file over `base` that holds what was changed in parts of it. */
export async function writeOverlay(
  { base, parts, overlay }: { base: string; parts: readonly ChangedPart[]; overlay: string },
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
  const commands: string[] = [];
  const files: string[] = [];
  try {
    for (const { file, places, offset: start } of parts) {
      const from = openSync(file, 'r');
      try {
        const read = reader(from);
        for (const { offset, length } of merged(places)) {
          const block = join(scratch, `block-${files.length}`);
          files.push(block);
          writeFileSync(block, read(offset, length));
          commands.push(`write -q -s ${block} ${start + offset} ${length}\n`);
        }
      } finally {
        closeSync(from);
      }
    }
    if (commands.length > 0) await ran('qemu-io', ['-f', 'qcow2', overlay], writeMs, commands.join(''));
  } finally {
    for (const file of files) rmSync(file, { force: true });
  }
}
