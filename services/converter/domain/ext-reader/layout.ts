import type { Read } from '../read.ts';

/** Where an ext2, ext3 or ext4 file system keeps what. */
export interface Layout {
  readonly blockSize: number;
  readonly blocks: number;
  readonly inodeSize: number;
  readonly inodes: number;
  readonly inodesPerGroup: number;
  /** Whether a folder's entries say what they are, and have short names only. */
  readonly fileTypes: boolean;
  /** The block with the descriptor of a group, and its place in it. */
  descriptorOf(group: number): { readonly block: number; readonly at: number };
  readonly wide: boolean;
}

/** What a reader must know to read at all: journals, extents, groups of groups, long files, sums, attributes in inodes, data in inodes, names without case. */
const known = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
const [metaGroups, wideBlocks] = [0x10, 0x80];
const [sparse, sparse2] = [0x1, 0x200];

/** Reads the superblock; undefined: it makes no sense, or asks for what is not known here. */
export function layoutOf(read: Read): Layout | undefined {
  const block = read(1024, 1024);
  if (block.length < 1024 || block.readUInt16LE(56) !== 0xef53) return undefined;
  const compatible = block.readUInt32LE(92);
  const incompatible = block.readUInt32LE(96);
  const readOnly = block.readUInt32LE(100);
  const shift = block.readUInt32LE(24);
  const revised = block.readUInt32LE(76) > 0;
  const inodeSize = revised ? block.readUInt16LE(88) : 128;
  const wide = (incompatible & wideBlocks) !== 0;
  const descriptorSize = wide ? block.readUInt16LE(254) : 32;
  const [blocksPerGroup, inodesPerGroup] = [block.readUInt32LE(32), block.readUInt32LE(40)];
  if ((incompatible & ~known) !== 0 || shift > 6) return undefined;
  const blockSize = 1024 << shift;
  const sound =
    inodeSize >= 128 && inodeSize <= blockSize && descriptorSize >= 32 && descriptorSize <= 1024 && inodesPerGroup > 0;
  if (!sound || blocksPerGroup === 0) return undefined;
  // With clusters of small blocks it is said to be 0.
  const first = Math.max(block.readUInt32LE(20), blockSize === 1024 ? 1 : 0);
  const perBlock = Math.floor(blockSize / descriptorSize);
  const firstMeta = (incompatible & metaGroups) !== 0 ? block.readUInt32LE(260) : Number.POSITIVE_INFINITY;
  const backups = [block.readUInt32LE(588), block.readUInt32LE(592)];
  const hasSuper = (group: number) => {
    if (group === 0) return true;
    if ((compatible & sparse2) !== 0) return backups.includes(group);
    return (readOnly & sparse) === 0 || group === 1 || [3, 5, 7].some((base) => isPower(group, base));
  };
  return {
    ...{ blockSize, inodeSize, inodesPerGroup, wide },
    blocks: block.readUInt32LE(4) + (wide ? block.readUInt32LE(336) * 2 ** 32 : 0),
    inodes: block.readUInt32LE(0),
    fileTypes: (incompatible & 0x2) !== 0,
    descriptorOf(group) {
      const meta = Math.floor(group / perBlock);
      const at = (group % perBlock) * descriptorSize;
      if (meta < firstMeta) return { block: first + 1 + meta, at };
      const start = meta * perBlock;
      return { block: first + start * blocksPerGroup + (hasSuper(start) ? 1 : 0), at };
    },
  };
}

function isPower(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
