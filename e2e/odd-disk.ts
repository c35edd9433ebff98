import { closeSync, openSync, readSync, writeSync } from 'node:fs';

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

/** Text of a file of the guest by another of the same length, in the one place where it stands on the disk. */
export function replaceIn(path: string, text: string, by: string): void {
  if (by.length !== text.length) throw new Error(`'${by}' is not as long as '${text}'`);
  const at = placesOf(path, Buffer.from(text));
  if (at.length !== 1) throw new Error(`'${text}' stands in ${at.length} places of ${path}`);
  write(path, Buffer.from(by), at[0]!);
}

function placesOf(path: string, text: Buffer): number[] {
  const places = [];
  const chunk = Buffer.alloc(16 * mib);
  const file = openSync(path, 'r');
  // What begins in one chunk may end in the next.
  for (let offset = 0, read = 0; ; offset += read - text.length + 1) {
    read = readSync(file, chunk, 0, chunk.length, offset);
    for (let at = chunk.indexOf(text); at >= 0 && at + text.length <= read; at = chunk.indexOf(text, at + 1))
      places.push(offset + at);
    if (read < chunk.length) break;
  }
  closeSync(file);
  return places;
}

function write(path: string, bytes: Buffer, offset: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}
