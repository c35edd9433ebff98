import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './checks.ts';

const rooms = ['adapters', 'domain', 'handlers', 'acts', 'testing'];
const files = ['main.ts', 'service.ts', 'ports.ts', 'config.ts', 'package.json', 'tsconfig.json', 'SPEC.md'];
/** What one service alone has: the table of its routes; the source of a program of its own. */
const own: Record<string, readonly string[]> = { gateway: ['endpoints.ts'], converter: ['ntfs'] };
const besides = /^\.turbo$|^node_modules$|\.(int|slow)\.test\.ts$/;

test.each(readdirSync(join(root, 'services')))('rooms - %s has those that every service has, and no others', (name) => {
  const entries = readdirSync(join(root, 'services', name)).filter((each) => !besides.test(each));
  expect(entries).toEqual(expect.arrayContaining(['main.ts', 'service.ts', 'handlers', 'config.ts', 'ports.ts']));
  const known = [...rooms, ...files, ...(own[name] ?? [])];
  expect(entries.filter((each) => !known.includes(each) && !each.endsWith('.test.ts'))).toEqual([]);
});
