import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { TranshipError } from '@tranship/contracts';
import type { StreamPiece, StreamSource } from './jobs.ts';
import { leafBytes } from './leaves.ts';
import { broken, Reader } from './vmdk-reader.ts';

const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate);

const sector = 512;
/** A table of grains names so many, in four bytes each. */
const tableGrains = 512;
const maxGrain = 1024 * 1024;
/** VMware's own limit: 62 TiB. */
const maxDisk = 62 * 1024 ** 4;
/** Markers, compressed grains, and deflate. */
const wantedFlags = 0x30000;
const directoryAtEnd = 0xffff_ffff_ffff_ffffn;
const marker = { end: 0, table: 1, directory: 2, footer: 3 } as const;

interface Header {
  readonly sizeBytes: number;
  readonly grainBytes: number;
  /** Before the first grain. */
  readonly overheadBytes: number;
  /** The directory follows the grains, and a footer says where. */
  readonly atEnd: boolean;
}

/**
 * A stream-optimised VMDK, decoded as it comes: as an export gives it, or a file. Nothing is kept but the chunk at hand; a
 * grain is inflated when it is read.
 * @throws TranshipError `transfer.read`: not such a stream, cut off, out of order or out of bounds
 */
export async function vmdkStream(input: AsyncIterable<Uint8Array>): Promise<StreamSource> {
  const reader = new Reader(input);
  try {
    const header = parse(await reader.take(sector));
    return { size: header.sizeBytes, pieces: () => grains(reader, header) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

function parse(bytes: Buffer): Header {
  const refuse = (what: string) =>
    new TranshipError('transfer.read', `no stream-optimised VMDK: ${what}`, { retry: false });
  if (bytes.toString('latin1', 0, 4) !== 'KDMV') throw refuse('it begins with something else');
  const number = (at: number) => Number(bytes.readBigUInt64LE(at));
  const flags = bytes.readUInt32LE(8);
  const compression = bytes.readUInt16LE(77);
  if ((flags & wantedFlags) !== wantedFlags || compression !== 1)
    throw refuse(`flags ${flags.toString(16)}, compression ${compression}`);
  const [sizeBytes, grainBytes, overheadBytes] = [number(12) * sector, number(20) * sector, number(64) * sector];
  if (sizeBytes === 0 || sizeBytes > maxDisk) throw refuse(`a disk of ${sizeBytes} bytes`);
  if (grainBytes === 0 || grainBytes % leafBytes !== 0 || grainBytes > maxGrain)
    throw refuse(`grains of ${grainBytes} bytes`);
  if (bytes.readUInt32LE(44) !== tableGrains) throw refuse(`tables of ${bytes.readUInt32LE(44)} grains`);
  // What stands in front may be a descriptor and all tables, twice.
  if (overheadBytes < sector || overheadBytes > maxGrain + 2 * tableBytes(sizeBytes, grainBytes))
    throw refuse(`${overheadBytes} bytes before the first grain`);
  return { sizeBytes, grainBytes, overheadBytes, atEnd: bytes.readBigUInt64LE(56) === directoryAtEnd };
}

/** Of all tables and the directory. */
function tableBytes(sizeBytes: number, grainBytes: number): number {
  const tables = Math.ceil(sizeBytes / grainBytes / tableGrains);
  return tables * tableGrains * 4 + Math.ceil((tables * 4) / sector) * sector;
}

async function* grains(reader: Reader, header: Header): AsyncGenerator<StreamPiece> {
  const { sizeBytes, grainBytes, overheadBytes, atEnd } = header;
  try {
    await reader.skip(overheadBytes - sector);
    let end = 0;
    let footer = false;
    // Tables that never end are no disk: each costs its marker, and is there once.
    let spare = 2 * tableBytes(sizeBytes, grainBytes) + 16 * sector;
    for (;;) {
      const head = await reader.take(sector);
      const [value, packed] = [Number(head.readBigUInt64LE(0)), head.readUInt32LE(8)];
      if (packed > 0) {
        const offset = value * sector;
        if (offset % grainBytes !== 0 || offset >= sizeBytes) throw broken(`has a grain at ${offset} of ${sizeBytes}`);
        if (offset < end) throw broken(`has a grain at ${offset}, after one that ends at ${end}`);
        if (packed > 2 * grainBytes) throw broken(`has a grain of ${packed} bytes, packed, at ${offset}`);
        const data = await rest(reader, head, packed);
        const length = Math.min(grainBytes, sizeBytes - offset);
        end = offset + length;
        yield { offset, length, read: (target) => unpackInto(target, data, offset, grainBytes) };
        continue;
      }
      const type = head.readUInt32LE(12);
      if (type === marker.end) {
        if (atEnd && !footer) throw broken('ends without its footer');
        return;
      }
      if (type > marker.footer) throw broken(`has a marker of kind ${type}`);
      if (type === marker.footer) footer = true;
      spare -= (value + 1) * sector;
      if (spare < 0) throw broken('has more tables than a disk of its size');
      await reader.skip(value * sector);
    }
  } finally {
    await reader.close();
  }
}

/** A grain begins behind its head's twelve bytes, and takes whole sectors. */
async function rest(reader: Reader, head: Buffer, packed: number): Promise<Buffer> {
  const first = head.subarray(12, 12 + packed);
  if (first.length === packed) return first;
  const missing = packed - first.length;
  const more = await reader.take(Math.ceil(missing / sector) * sector);
  return Buffer.concat([first, more.subarray(0, missing)]);
}

/** The disk's last grain may be padded, or be as long as what is left of the disk. */
async function unpackInto(target: Buffer, data: Buffer, offset: number, grainBytes: number): Promise<void> {
  const bytes = await unpack(data, { maxOutputLength: grainBytes }).catch((error: NodeJS.ErrnoException) => {
    throw broken(`has a grain at ${offset} that cannot be unpacked: ${error.code ?? error.message}`);
  });
  if (bytes.length < target.length) throw broken(`has a grain of ${bytes.length} bytes at ${offset}`);
  bytes.copy(target, 0, 0, target.length);
}
