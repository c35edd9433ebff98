import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { choose, find } from './toolchain.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-toolchain-'));
const program = join(dir, 'go');
beforeEach(() => rmSync(program, { force: true }));
afterAll(() => rmSync(dir, { recursive: true }));

/** A Go of this version, which fetches any other that it is told to be. */
const place = async (version: string) =>
  writeFileSync(program, `#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] && echo ${version} || echo "$GOTOOLCHAIN"\n`, {
    mode: 0o755,
  });

test.each([
  ['go1.26.8', 'as it is'],
  ['go1.26.0', 'as it is'],
  ['go2.0', 'as it is'],
  ['go1.25.9', 'fetch'],
  ['go1.21.0', 'fetch'],
  ['go1.19.8', 'install'],
  ['', 'install'],
  [undefined, 'install'],
])('Go - %s: %s', (version, what) => {
  expect(choose(version)).toBe(what);
});

test('Go - the machine’s, where it is new enough', async () => {
  await place('go1.26.8');
  const install = vi.fn();
  expect(await find([join(dir, 'none'), program], install)).toEqual({ program, version: 'go1.26.8', env: {} });
  expect(install).not.toHaveBeenCalled();
});

test.each([
  ['none', undefined],
  ['one that is too old to fetch another', 'go1.19.8'],
])('Go - the machine has %s: Debian’s is installed, and fetches the wanted one', async (_, before) => {
  if (before) await place(before);
  const install = vi.fn(() => place('go1.23.4'));
  const env = { GOTOOLCHAIN: 'go1.26.0' };
  expect(await find([program], install)).toEqual({ program, version: 'go1.26.0', env });
  expect(install).toHaveBeenCalledTimes(1);
});

test('Go - none, and none after the installation: told with the version that is needed', async () => {
  await expect(find([program], async () => {})).rejects.toThrow('Go 1.21.0 or newer is needed');
});
