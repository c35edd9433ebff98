import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'tranship-cache-'));
vi.stubEnv('TRANSHIP_CACHE', dir);
const { cached } = await import('./cache.ts');
const { locked } = await import('./lock.ts');
const { self } = await import('./owner.ts');
const { scratch, sweepScratch } = await import('./scratch.ts');
afterAll(() => rmSync(dir, { recursive: true }));

/** Of a process that has ended. */
const dead = `${spawnSync('true').pid}-1`;

test('cache - many who ask at a time get the one that is built once', async () => {
  let built = 0;
  const build = async (out: string) => {
    built++;
    await new Promise((done) => setTimeout(done, 50));
    writeFileSync(join(out, 'file'), 'made');
  };
  const folders = await Promise.all([1, 2, 3].map(() => cached('thing', 'k1', build)));
  expect(new Set(folders).size).toBe(1);
  expect(built).toBe(1);
  expect(readFileSync(join(folders[0]!, 'file'), 'utf8')).toBe('made');
  expect(readdirSync(dir)).toEqual(['thing-k1']);
});

test('cache - a build that fails leaves nothing, and the next may try', async () => {
  await expect(cached('thing', 'k2', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(await cached('thing', 'k2', async () => {}))).toBe(true);
  expect(readdirSync(dir).sort()).toEqual(['thing-k1', 'thing-k2']);
});

test('lock - one of a dead process is taken over, one of a living is waited for', async () => {
  const file = join(dir, 'lock');
  writeFileSync(file, dead);
  expect(await locked(file, async () => 'done')).toBe('done');
  writeFileSync(file, self());
  await expect(locked(file, async () => 'done', 300)).rejects.toThrow('not free within 0.3 s');
  rmSync(file);
});

test('scratch - what a killed process left is swept, what a living one has stays', () => {
  const own = scratch(dir, 'work');
  mkdirSync(join(dir, `work-${dead}-0`));
  mkdirSync(join(dir, 'work-of-a-person'));
  sweepScratch(dir, 'work');
  expect(readdirSync(dir).filter((name) => name.startsWith('work'))).toEqual(
    expect.arrayContaining(['work-of-a-person', own.slice(dir.length + 1)]),
  );
  expect(existsSync(join(dir, `work-${dead}-0`))).toBe(false);
});
