import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { usersConf } from './nats-users.ts';

test('nats users - the file for installations is as the contracts say; else: node scripts/nats-users.ts > deploy/nats/users.conf', () => {
  const file = fileURLToPath(new URL('../deploy/nats/users.conf', import.meta.url));
  expect(readFileSync(file, 'utf8')).toBe(usersConf());
});
