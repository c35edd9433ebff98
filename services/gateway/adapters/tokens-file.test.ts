import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tranship/service-kit';
import { FakeClock } from '@tranship/service-kit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokensFile } from './tokens-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tranship-tokens-'));
});
afterAll(() => rm(folder, { recursive: true }));

const digest = (token: string) => createHash('sha256').update(token).digest('hex');
const log = createLogger('test', 'silent');

describe('tokens file', () => {
  it('tokens - are found by digest, and the file is read again when it changes', async () => {
    const path = join(folder, 'tokens.yaml');
    const clock = new FakeClock();
    await writeFile(path, `${digest('one')}: {name: ada, role: admin}\n`);
    const tokens = await tokensFile(path, clock, log);
    expect(await tokens.find('one')).toEqual({ name: 'ada', role: 'admin' });
    expect(await tokens.find(digest('one'))).toBeUndefined();

    await writeFile(path, JSON.stringify({ [digest('second')]: { name: 'vera', role: 'viewer' } }));
    await clock.advance(2_000);
    expect(await tokens.find('second')).toEqual({ name: 'vera', role: 'viewer' });
    expect(await tokens.find('one')).toBeUndefined();

    await writeFile(path, 'nonsense: [');
    await clock.advance(2_000);
    expect(await tokens.find('second')).toBeDefined();
  });

  it('tokens - a file that cannot be used stops the start and is not quoted', async () => {
    const path = join(folder, 'bad.yaml');
    await writeFile(path, 'plain-token: {name: ada, role: admin}');
    const failure = await tokensFile(path, new FakeClock(), log).catch((error: Error) => error.message);
    expect(failure).toContain('SHA-256');
    expect(failure).not.toContain('plain-token');
    await expect(tokensFile(join(folder, 'none'), new FakeClock(), log)).rejects.toThrow('ENOENT');
  });
});
