import { readFileSync } from 'node:fs';
import { stateNames } from '@tranship/contracts';
import { expect, test } from 'vitest';

test('SPEC - its table names every state', () => {
  const text = readFileSync(new URL('SPEC.md', import.meta.url), 'utf8');
  const named = new Set([...text.matchAll(/^\|([^|]+)/gm)].flatMap(([, cell]) => cell!.match(/[a-z-]+/g) ?? []));
  expect(Object.values(stateNames).filter((name) => !named.has(name))).toEqual([]);
});
