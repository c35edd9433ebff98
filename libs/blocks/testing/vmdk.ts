import { deflateSync } from 'node:zlib';

const sector = 512;
export const grainBytes = 64 * 1024;

const whole = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & (sector - 1))]);

export interface HeaderFields {
  readonly magic?: string;
  readonly flags?: number;
  readonly sectors?: number | bigint;
  readonly grainSectors?: number;
  readonly tableGrains?: number;
  readonly overhead?: number;
  readonly directory?: bigint;
  readonly compression?: number;
}

export function header(fields: HeaderFields = {}): Buffer {
  const bytes = Buffer.alloc(sector);
  bytes.write(fields.magic ?? 'KDMV', 0, 'latin1');
  bytes.writeUInt32LE(3, 4);
  bytes.writeUInt32LE(fields.flags ?? 0x30001, 8);
  bytes.writeBigUInt64LE(BigInt(fields.sectors ?? 2048), 12);
  bytes.writeBigUInt64LE(BigInt(fields.grainSectors ?? 128), 20);
  bytes.writeUInt32LE(fields.tableGrains ?? 512, 44);
  bytes.writeBigUInt64LE(fields.directory ?? 0xffff_ffff_ffff_ffffn, 56);
  bytes.writeBigUInt64LE(BigInt(fields.overhead ?? 1), 64);
  bytes.write('\n \r\n', 73, 'latin1');
  bytes.writeUInt16LE(fields.compression ?? 1, 77);
  return bytes;
}

/** `packed`: what its head says of its size, where that is not the truth. */
export function grain(offset: number, data: Buffer, packed?: number): Buffer {
  const deflated = deflateSync(data);
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(offset / sector), 0);
  head.writeUInt32LE(packed ?? deflated.length, 8);
  return whole(Buffer.concat([head, deflated]));
}

export function marker(kind: 'end' | 'table' | 'directory' | 'footer' | number, sectors = 0): Buffer {
  const head = Buffer.alloc(sector);
  head.writeBigUInt64LE(BigInt(sectors), 0);
  head.writeUInt32LE(typeof kind === 'number' ? kind : ['end', 'table', 'directory', 'footer'].indexOf(kind), 12);
  return Buffer.concat([head, Buffer.alloc(Math.min(sectors, 64) * sector)]);
}

/** As an export ends. */
export const tail = (): Buffer => Buffer.concat([marker('directory', 1), marker('footer', 1), marker('end')]);

/** In chunks of any size, as a network gives them. */
export async function* chunks(bytes: Buffer, sizes: readonly number[] = [64 * 1024]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
