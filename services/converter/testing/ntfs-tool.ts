import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../ntfs', import.meta.url));

/** Builds tranship-ntfs once for its source, and puts it on the path. Gives the folder that it lies in. */
export function ntfsTool(): string {
  const hash = createHash('sha256');
  for (const name of ['ntfs.c', 'Makefile']) hash.update(readFileSync(join(source, name)));
  const key = hash.digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `tranship-ntfs-${process.getuid?.() ?? 0}-${key}`);
  if (!existsSync(folder)) {
    const made = mkdtempSync(join(tmpdir(), 'tranship-ntfs-making-'));
    try {
      execFileSync('make', ['-s', '-C', source, `OUT=${made}`], { timeout: 60_000, stdio: 'pipe' });
    } catch (error) {
      throw new Error('tranship-ntfs is not built; `npm test` installs what it needs: gcc make ntfs-3g-dev', {
        cause: error,
      });
    }
    try {
      renameSync(made, folder);
    } catch {
      // Another one was faster.
      rmSync(made, { recursive: true, force: true });
    }
  }
  process.env.PATH = `${folder}:${process.env.PATH}`;
  return folder;
}
