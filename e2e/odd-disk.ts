import { closeSync, openSync, writeSync } from 'node:fs';

const mib = 1024 ** 2;

/** A partition that a BIOS would boot, with the head of a file system that the converter knows and does not reach. */
export function bootableBtrfs(path: string): void {
  const sector = Buffer.alloc(512);
  sector.fill(0x90, 0, 16);
  sector[446] = 0x80;
  sector[450] = 0x83;
  sector.writeUInt32LE(mib / 512, 454);
  sector.writeUInt32LE((100 * mib) / 512, 458);
  sector.writeUInt16LE(0xaa55, 510);
  write(path, sector, 0);
  write(path, Buffer.from('_BHRfS_M'), mib + 65_536 + 64);
}

/** Without a partition table again: nothing of a system is found. */
export const unbootable = (path: string): void => write(path, Buffer.alloc(512), 0);

function write(path: string, bytes: Buffer, offset: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}
