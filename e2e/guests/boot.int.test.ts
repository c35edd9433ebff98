import { expect, test } from 'vitest';
import { runCell } from './cell.ts';
import { judge } from './judge.ts';
import { cellsOf, nameOf } from './table.ts';

// A part of `npm run faults -- --guests`; the lab's own stories boot Debian 12 with initramfs-tools and ifupdown.
test.each(cellsOf(['debian-13-dracut/efi/ext4/lvm/netplan/3']).map((cell) => [nameOf(cell), cell] as const))(
  'boot - %s: as VMware’s it is well, as KubeVirt’s only once it was converted, and then as before',
  async (_, cell) => {
    const course = await runCell(cell);
    expect(judge(course), JSON.stringify(course, undefined, 1)).toEqual([]);
  },
  900_000,
);
