import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mib = 1024 * 1024;

/** A block device full of data; `heldMiB`: what of it the storage behind it holds. */
export function loopDevice(bytes: number) {
  const dir = mkdtempSync(join(tmpdir(), 'tranship-loop-'));
  const file = join(dir, 'disk.raw');
  writeFileSync(file, randomBytes(bytes));
  const path = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
  return {
    path,
    heldMiB: () => Math.round((statSync(file).blocks * 512) / mib),
    remove: () => {
      execFileSync('losetup', ['--detach', path]);
      rmSync(dir, { recursive: true });
    },
  };
}
