import type { Read } from '../read.ts';

/** A physical volume: its name in the group's metadata, and that metadata's text. */
export interface PhysicalVolume {
  readonly uuid: string;
  /** The newest text; undefined: this volume keeps none. */
  readonly text: string | undefined;
}

const sector = 512;
const areaMagic = ' LVM2 x[5A%r0N*>';
const maxAreas = 16;
const maxText = 8 * 1024 ** 2;

/** Reads the label and the metadata of a physical volume at `offset`; undefined: it is none. */
export function readPhysicalVolume(read: Read, offset: number): PhysicalVolume | undefined {
  const head = read(offset, 4 * sector);
  const at = [0, 1, 2, 3]
    .map((i) => i * sector)
    .find((position) => head.toString('latin1', position, position + 8) === 'LABELONE');
  if (at === undefined || head.length < at + sector || head.toString('latin1', at + 24, at + 32) !== 'LVM2 001')
    return undefined;
  const label = head.subarray(at, at + sector);
  const header = label.readUInt32LE(20);
  if (header + 40 > sector) return undefined;
  const uuid = dashed(label.toString('latin1', header, header + 32));
  const lists = areas(label, header + 40);
  const text = (lists[1] ?? []).flatMap((area) => readText(read, offset + area.offset) ?? []).at(0);
  return { uuid, text };
}

/** Data areas, then metadata areas: each list ends with zeros. */
function areas(label: Buffer, from: number): { offset: number }[][] {
  const lists: { offset: number }[][] = [[]];
  for (let at = from, i = 0; at + 16 <= label.length && i < maxAreas && lists.length < 3; at += 16, i++) {
    const offset = Number(label.readBigUInt64LE(at));
    if (offset === 0) lists.push([]);
    else lists.at(-1)!.push({ offset });
  }
  return lists;
}

/** The metadata lies in a ring behind its header's sector. */
function readText(read: Read, area: number): string | undefined {
  const head = read(area, sector);
  if (head.length < sector || head.toString('latin1', 4, 20) !== areaMagic) return undefined;
  const size = Number(head.readBigUInt64LE(32));
  const offset = Number(head.readBigUInt64LE(40));
  const length = Number(head.readBigUInt64LE(48));
  if (!(length > 0 && length <= maxText && offset >= sector && offset < size)) return undefined;
  const first = Math.min(length, size - offset);
  const parts = [read(area + offset, first)];
  if (first < length) parts.push(read(area + sector, length - first));
  return Buffer.concat(parts).toString('utf8');
}

/** As the metadata writes it: 6-4-4-4-4-4-6. */
const dashed = (id: string) => id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, '$1-$2-$3-$4-$5-$6-$7');
