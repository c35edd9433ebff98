import { expect, test } from 'vitest';
import { isHolder } from './holder.ts';

const script = '/repo/lab/node/init.sh';

test.each([
  ['the holder', ['unshare', '--net', '--fork', 'bash', script, '/state/lab', '10.89.1.2'], true],
  ['PID 1 of its namespaces', ['bash', script, '/state/lab', '10.89.1.2'], true],
  ['a lab elsewhere', ['bash', script, '/state/lab2', '10.89.1.2'], false],
  ['an editor of the script', ['vi', script], false],
  ['another program', ['bash', '-c', '/state/lab'], false],
])('holder - %s: %#', (_, words, is) => {
  expect(isHolder(words, '/state/lab')).toBe(is);
});
