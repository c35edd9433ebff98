import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { cpio } from './domain/cpio.ts';

test('cpio - the system tool reads what we write', () => {
  const archive = cpio([{ path: 'a' }, { path: 'a/b', content: Buffer.from('hello') }]);
  const listing = execFileSync('cpio', ['-tv', '--quiet'], { input: archive, timeout: 10_000 }).toString();
  expect(listing).toMatch(/drwxr-xr-x\s+2 root\s+root.* a\n-rw-r--r--\s+1 root\s+root\s+5 .* a\/b\n/);
});
