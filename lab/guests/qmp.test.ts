import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { qmp } from './qmp.ts';

test('qmp - a monitor that is not there, as of a QEMU that has just ended, is an error of the caller alone', async () => {
  await expect(qmp(join(tmpdir(), 'no-monitor-here'), 'query-status')).rejects.toThrow('ENOENT');
});
