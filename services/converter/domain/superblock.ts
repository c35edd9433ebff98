import { Fat } from './fat.ts';
import { bindingsIn } from './luks.ts';
import type { Read } from './read.ts';

export type FileSystemKind = 'ext' | 'swap' | 'xfs' | 'btrfs' | 'vfat' | 'ntfs' | 'lvm' | 'luks' | 'raid' | 'bitlocker';

export interface FileSystem {
  readonly kind: FileSystemKind;
  /** As `UUID=` in fstab writes it; empty: it has none. */
  readonly uuid: string;
  readonly label: string;
  readonly freeBytes?: number;
  /** Of ext file systems alone. */
  readonly ext?: ExtFacts;
  /** Of an encrypted volume: what opens it in a person's place. */
  readonly bindings?: readonly string[];
  /** Of the NTFS of a Windows: why it must not be written to as it is. */
  readonly unclean?: 'dirty' | 'hibernated';
}

export interface ExtFacts {
  readonly blockSize: number;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** The journal holds what was not yet written in place. */
  readonly needsRecovery: boolean;
  /** Unmounted in order, and no error seen since. */
  readonly clean: boolean;
}

/** Names what lies in `length` bytes at `offset`, by its magic numbers; undefined: nothing that is known. */
export function identify(read: Read, offset: number, length = Number.POSITIVE_INFINITY): FileSystem | undefined {
  const head = read(offset, 8192);
  const at = (text: string, position: number) =>
    head.length >= position + text.length && head.toString('latin1', position, position + text.length) === text;
  const plain = (kind: FileSystemKind, uuid = '', label = '', freeBytes?: number): FileSystem => ({
    kind,
    uuid,
    label,
    ...(freeBytes !== undefined && Number.isSafeInteger(freeBytes) && freeBytes >= 0 ? { freeBytes } : {}),
  });
  if (head.length < 4096) return undefined;
  if (at('LUKS\xba\xbe', 0)) {
    const bindings = bindingsIn(read, offset, head);
    return { ...plain('luks', text(head, 168, 40)), ...(bindings.length > 0 ? { bindings } : {}) };
  }
  if ([0, 512, 1024, 1536].some((position) => at('LABELONE', position))) return plain('lvm');
  if (isRaidMember(read, offset, length)) return plain('raid');
  if (at('XFSB', 0)) {
    const free = Number(head.readBigUInt64BE(144)) * head.readUInt32BE(4);
    return plain('xfs', uuid(head, 32), text(head, 108, 12), free);
  }
  if (at('NTFS    ', 3))
    return plain('ntfs', Buffer.from(head.subarray(72, 80)).reverse().toString('hex').toUpperCase());
  if (at('-FVE-FS-', 3)) return plain('bitlocker');
  if (at('SWAPSPACE2', 4086)) return plain('swap', uuid(head, 1024 + 12), text(head, 1024 + 28, 16));
  if (head.readUInt16LE(1024 + 56) === 0xef53) return extFileSystem(head.subarray(1024, 2048));
  const free = () => new Fat(read, offset).freeBytes;
  if (at('FAT32   ', 82)) return plain('vfat', fatSerial(head, 67), text(head, 71, 11).trim(), free());
  if (at('FAT16   ', 54) || at('FAT12   ', 54))
    return plain('vfat', fatSerial(head, 39), text(head, 43, 11).trim(), free());
  const btrfs = read(offset + 65536, 4096);
  if (btrfs.length === 4096 && btrfs.toString('latin1', 64, 72) === '_BHRfS_M') {
    const free = Number(btrfs.readBigUInt64LE(112) - btrfs.readBigUInt64LE(120));
    return plain('btrfs', uuid(btrfs, 32), text(btrfs, 299, 256), free);
  }
  return undefined;
}

/** Linux keeps the superblock of a member at its begin (1.1, 1.2) or near its end (0.90, 1.0), where it looks like the file system itself. */
function isRaidMember(read: Read, offset: number, length: number): boolean {
  const ends = Number.isSafeInteger(length) && length >= 131_072;
  const places = [
    0,
    4096,
    ...(ends ? [(Math.floor(length / 65536) - 1) * 65536, Math.floor((length - 8192) / 4096) * 4096] : []),
  ];
  return places.some((place) => {
    const magic = read(offset + place, 4);
    return magic.length === 4 && magic.readUInt32LE(0) === 0xa92b4efc;
  });
}

function extFileSystem(block: Buffer): FileSystem {
  const incompatible = block.readUInt32LE(96);
  const wide = (incompatible & 0x80) !== 0;
  const blockSize = 1024 << Math.min(block.readUInt32LE(24), 6);
  const freeBlocks = block.readUInt32LE(12) + (wide ? block.readUInt32LE(344) * 2 ** 32 : 0);
  const state = block.readUInt16LE(58);
  return {
    kind: 'ext',
    uuid: uuid(block, 104),
    label: text(block, 120, 16),
    freeBytes: freeBlocks * blockSize,
    ext: {
      blockSize,
      freeBytes: freeBlocks * blockSize,
      freeInodes: block.readUInt32LE(16),
      needsRecovery: (incompatible & 0x4) !== 0,
      clean: (state & 1) === 1 && (state & 2) === 0,
    },
  };
}

function uuid(bytes: Buffer, at: number): string {
  const hex = bytes.subarray(at, at + 16).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const text = (bytes: Buffer, at: number, length: number) =>
  bytes.toString('utf8', at, at + length).replace(/\0.*$/s, '');

const fatSerial = (bytes: Buffer, at: number) =>
  bytes
    .readUInt32LE(at)
    .toString(16)
    .padStart(8, '0')
    .toUpperCase()
    .replace(/^(.{4})/, '$1-');
