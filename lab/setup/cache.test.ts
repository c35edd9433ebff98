import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'tranship-cache-'));
vi.stubEnv('TRANSHIP_CACHE', dir);
const { cached, hashOf } = await import('./cache.ts');
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

test('cache - what was not used for weeks goes when its like is built', async () => {
  const key = (digit: string) => digit.repeat(16);
  const [old, young] = [await cached('aged', key('a'), async () => {}), await cached('aged', key('b'), async () => {})];
  utimesSync(old, 0, 0);
  await cached('aged', key('c'), async () => {});
  expect([old, young].map((each) => existsSync(each))).toEqual([false, true]);
});

test('hash - names and bytes count, in folders too; tests and logs of tools do not', () => {
  const folder = join(dir, 'sources');
  mkdirSync(join(folder, '.turbo'), { recursive: true });
  writeFileSync(join(folder, 'a.ts'), '1');
  const key = hashOf([{ path: folder }]);
  writeFileSync(join(folder, '.turbo/log'), 'x');
  writeFileSync(join(folder, 'a.test.ts'), 'x');
  expect(hashOf([{ path: folder }])).toBe(key);
  writeFileSync(join(folder, 'a.ts'), '2');
  expect(hashOf([{ path: folder }])).not.toBe(key);
  rmSync(folder, { recursive: true });
});

test('lock - one of a dead process is taken over, one of a living is waited for', async () => {
  const file = join(dir, 'own.lock');
  writeFileSync(file, dead);
  expect(await locked(file, async () => 'done')).toBe('done');
  writeFileSync(file, self());
  await expect(locked(file, async () => 'done', 300)).rejects.toThrow('not free within 0.3 s');
  rmSync(file);
});

test('lock - what killed processes left beside other locks is swept; what living ones have, and another’s, stay', async () => {
  const folder = mkdtempSync(join(dir, 'locks-'));
  const files = {
    'old.lock': dead,
    [`old.lock.${dead}-3`]: dead,
    'busy.lock': self(),
    [`busy.lock.${self()}-77`]: self(),
    'xtables.lock': '',
  };
  for (const [name, owner] of Object.entries(files)) writeFileSync(join(folder, name), owner);
  await locked(join(folder, 'own.lock'), async () => {});
  expect(readdirSync(folder).sort()).toEqual(['busy.lock', `busy.lock.${self()}-77`, 'xtables.lock']);
  rmSync(folder, { recursive: true });
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
