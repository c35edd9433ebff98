import { expect, test } from 'vitest';
import { Disk } from './sink.ts';
import { loopDevice } from './testing/loop.ts';

const mib = 1024 * 1024;
const size = 96 * mib;

test.each([
  [true, 32],
  [false, 96],
])(
  'discard - asked for: %s; what is zeroed of a device reads as zeros either way, and its storage holds %i of 96 MiB',
  async (discard, held) => {
    const { path, heldMiB, remove } = loopDevice(size);
    const disk = await Disk.device(path, size, { discard });
    try {
      await disk.zero(16 * mib, 64 * mib);
      await disk.flush();
      const read = Buffer.alloc(66 * mib);
      await disk.read(15 * mib, read);
      expect(read.subarray(mib, 65 * mib).equals(Buffer.alloc(64 * mib))).toBe(true);
      for (const at of [0, 65 * mib]) expect(read.subarray(at, at + mib).equals(Buffer.alloc(mib))).toBe(false);
      expect(heldMiB()).toBe(held);
    } finally {
      await disk.close();
      remove();
    }
  },
);
