import type { Read } from '../read.ts';
import { fixed } from './ntfs-records.ts';

const noClient = 0xffff;
const cleanFlag = 2;
const maxPage = 65536;

/** Whether an NTFS log says that its volume was unmounted in order: by the newer of its two restart pages. */
export function logIsClean(read: Read, size: number): boolean {
  const first = read(0, 4096);
  // One that was never used is filled with ones.
  if (first.every((byte) => byte === 0xff)) return true;
  const pageSize = first.length >= 4096 ? first.readUInt32LE(16) : 0;
  if (pageSize < 512 || pageSize > maxPage || pageSize > size) return false;
  const pages = [0, pageSize].flatMap((at) => restartArea(fixed(read(at, pageSize), 'RSTR')));
  const [newest] = pages.sort((a, b) => (a.lsn < b.lsn ? 1 : -1));
  return newest?.clean ?? false;
}

function restartArea(page: Buffer) {
  const at = page.length >= 30 ? page.readUInt16LE(24) : 0;
  if (at < 30 || at + 16 > page.length) return [];
  const area = page.subarray(at);
  return [
    {
      lsn: area.readBigUInt64LE(0),
      clean: area.readUInt16LE(12) === noClient || (area.readUInt16LE(14) & cleanFlag) !== 0,
    },
  ];
}
