import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './config.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (text: string) => {
  const path = join(dir, `${Math.random()}.json`);
  writeFileSync(path, text);
  return path;
};
const schema = z.object({ workSeconds: z.coerce.number().positive().default(5) });

describe('config', () => {
  it('settings - defaults, over them the file, over it the environment; an empty variable is none', () => {
    expect(loadConfig(schema, [], {})).toMatchObject({ workSeconds: 5, logLevel: 'info', natsReplicas: 1 });
    const config = file('{"workSeconds": 7, "logLevel": "debug"}');
    expect(loadConfig(schema, ['--config', config], { TRANSHIP_LOG_LEVEL: 'warn' })).toMatchObject({
      ...{ workSeconds: 7, logLevel: 'warn' },
    });
    expect(loadConfig(schema, [], { TRANSHIP_CONFIG: config, TRANSHIP_WORK_SECONDS: '' }).workSeconds).toBe(7);
  });

  it('settings - capitals that stand together are one word in the environment', () => {
    const sized = z.object({ guestMemoryMB: z.coerce.number().default(1), tlsCaFile: z.string().default('') });
    const env = { TRANSHIP_GUEST_MEMORY_MB: '512', TRANSHIP_TLS_CA_FILE: 'f' };
    expect(loadConfig(sized, [], env)).toMatchObject({ guestMemoryMB: 512, tlsCaFile: 'f' });
  });

  it.each([
    [{ TRANSHIP_WORK_SECONDS: 'soon' }, '{}', 'setting workSeconds (TRANSHIP_WORK_SECONDS)'],
    [{}, '{"workSecond": 1}', 'setting workSecond '],
  ])('settings - a wrong one is named, as the environment calls it: %j %s', (env, text, told) => {
    expect(() => loadConfig(schema, ['--config', file(text)], env)).toThrow(told);
  });
});

describe('--check-config', () => {
  /** A whole service, with a NATS that is not there: the check must not need it. */
  const check = (env: Record<string, string>) => {
    const index = fileURLToPath(new URL('index.ts', import.meta.url));
    const script = `
      import { runService } from ${JSON.stringify(index)};
      import { z } from 'zod';
      await runService('planner', z.object({}), () => { throw new Error('started'); });`;
    const argv = ['--input-type=module', '-e', script, '--', '--check-config'];
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const nats = { TRANSHIP_NATS_URL: 'nats://127.0.0.1:1' };
    return spawnSync(process.execPath, argv, { cwd, env: { ...nats, ...env }, encoding: 'utf8', timeout: 50_000 });
  };

  it('check - a right one is told and nothing is started', () => {
    const { status, stdout, stderr } = check({});
    expect([status, stdout, stderr]).toEqual([0, 'configuration is valid\n', '']);
  });

  it('check - a wrong one ends with 1, and names the setting and the fix', () => {
    const { status, stderr } = check({ TRANSHIP_HTTP_PORT: '99999999' });
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      ...{ service: 'planner', code: 'document.invalid', detail: expect.stringContaining('TRANSHIP_HTTP_PORT') },
    });
  });
});
