import { constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pages } from '../arena.ts';

/** Of statfs(2): it takes O_DIRECT, and has no disk to read from. */
const tmpfs = 0x01021994;

/** A new folder on a disk that takes direct I/O. @throws Error with why each place does not do */
export async function directFolder(): Promise<string> {
  const reasons: string[] = [];
  for (const place of [tmpdir(), '/var/tmp', import.meta.dirname]) {
    const dir = mkdtempSync(join(place, 'tranship-direct-'));
    const why = statfsSync(dir).type === tmpfs ? 'is in memory' : await tried(dir);
    if (!why) return dir;
    rmSync(dir, { recursive: true });
    reasons.push(`${place} ${why}`);
  }
  throw new Error(`no folder for direct I/O: ${reasons.join('; ')}`);
}

async function tried(dir: string): Promise<string | undefined> {
  try {
    const file = await open(join(dir, 'try'), constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT);
    await file.write(pages(4096), 0, 4096, 0).finally(() => file.close());
    return undefined;
  } catch (error) {
    return `refuses it: ${(error as Error).message}`;
  }
}
