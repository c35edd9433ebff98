import { test } from 'vitest';
import { copiesHoles, site } from './testing/site.ts';

const { serve, copied } = site();

// As large as VMware's disks may be; nbdkit takes minutes to tell where its holes are.
test('sink - 62 TiB, almost all of it holes, on both sides', () => copiesHoles({ serve, copied }, 62));
