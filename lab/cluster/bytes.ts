import { chmodSync, existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../setup/shell.ts';

const deadlineMs = 10_000;
export const gib = 1024 ** 3;

/** Bytes of a quantity such as `1Gi`. */
export function bytesOf(quantity: string): number {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(quantity);
  if (!match) throw new Error(`not a quantity: ${quantity}`);
  const units: Record<string, number> = {
    Ki: 1024,
    Mi: 1024 ** 2,
    Gi: gib,
    Ti: 1024 ** 4,
    k: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
  };
  return Math.ceil(Number(match[1]) * (match[2] === undefined ? 1 : units[match[2]]!));
}

/** The bytes of a volume as a folder: its path. */
export function folder(dir: string, name: string): string {
  const path = join(dir, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o2777);
  return path;
}

const fileOf = (dir: string, name: string) => join(dir, `${name}.raw`);

/** The bytes of a volume as a loop device: the one that its file has already, or a new one. */
export async function block(dir: string, name: string, size: number): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const file = fileOf(dir, name);
  writeFileSync(file, '', { flag: 'a' });
  truncateSync(file, size);
  return (await run('losetup', ['--find', '--nooverlap', '--show', file], { deadlineMs })).trim();
}

/** However often: the devices are looked up by their file, for a number that was freed may be another volume's by now. */
export async function removeBytes(dir: string, name: string): Promise<void> {
  rmSync(join(dir, name), { recursive: true, force: true });
  const file = fileOf(dir, name);
  if (!existsSync(file)) return;
  const devices = await run('losetup', ['--associated', file, '--noheadings', '--output', 'NAME'], { deadlineMs });
  for (const device of devices.split('\n').filter(Boolean))
    await run('losetup', ['--detach', device.trim()], { deadlineMs });
  rmSync(file);
}
