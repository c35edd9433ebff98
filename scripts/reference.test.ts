import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './checks.ts';
import { reference } from './reference.ts';

test.each(Object.entries(reference()))(
  'reference - %s is as the contracts say; else: node scripts/reference.ts',
  (name, text) => {
    expect(readFileSync(join(root, 'docs/reference', name), 'utf8')).toBe(text);
  },
);
