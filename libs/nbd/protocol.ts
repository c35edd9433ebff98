/** Numbers of the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md). Everything is big-endian. */
export const magic = {
  server: 0x4e42444d41474943n, // "NBDMAGIC"
  option: 0x49484156454f5054n, // "IHAVEOPT"
  optionReply: 0x3e889045565a9n,
  request: 0x25609513,
  simpleReply: 0x67446698,
  structuredReply: 0x668e33ef,
} as const;

export const option = { startTls: 5, go: 7, structuredReply: 8, setMetaContext: 10 } as const;
export const info = { export: 0, blockSize: 3 } as const;
export const optionReply = { ack: 1, info: 3, metaContext: 4 } as const;
export const command = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, writeZeroes: 6, blockStatus: 7 } as const;
/** What an export can do, beside being read. */
export const transmission = { readOnly: 2, flush: 4, trim: 32, writeZeroes: 64 } as const;
export const chunk = { none: 0, data: 1, hole: 2, blockStatus: 5, error: 0x8001, errorOffset: 0x8002 } as const;
export const allocation = { hole: 1, zero: 2 } as const;
/** Of the last chunk of a reply. */
export const flagDone = 1;
/** The protocol's bound for one block status. */
export const maxStatus = 0xfffff000;
/** What every server must take where it tells no limit. */
export const maxPayload = 32 * 1024 * 1024;
export const handshakeFlags = 0b11; // FIXED_NEWSTYLE | NO_ZEROES

/** What nbdkit sends, as Linux names it. */
const errnoNames: Readonly<Record<number, string>> = {
  1: 'EPERM',
  5: 'EIO',
  12: 'ENOMEM',
  22: 'EINVAL',
  28: 'ENOSPC',
  75: 'EOVERFLOW',
  95: 'ENOTSUP',
  108: 'ESHUTDOWN',
};
export const errnoName = (n: number): string => errnoNames[n] ?? `errno ${n}`;

/** One option of the handshake. */
export function encodeOption(kind: number, data: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64BE(magic.option, 0);
  head.writeUInt32BE(kind, 8);
  head.writeUInt32BE(data.length, 12);
  return Buffer.concat([head, data]);
}

export interface Request {
  readonly kind: number;
  readonly handle: number;
  readonly offset: number;
  readonly length: number;
}

export function encodeRequest({ kind, handle, offset, length }: Request): Buffer {
  const buffer = Buffer.alloc(28);
  buffer.writeUInt32BE(magic.request, 0);
  buffer.writeUInt16BE(kind, 6);
  writeSafe64(buffer, handle, 8);
  writeSafe64(buffer, offset, 16);
  buffer.writeUInt32BE(length, 24);
  return buffer;
}

const high = 2 ** 32;
function writeSafe64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32BE(Math.floor(value / high), at);
  buffer.writeUInt32BE(value % high, at + 4);
}
/** A 64-bit number; one that a double cannot hold is not near anything that we asked for. */
export const readSafe64 = (buffer: Buffer, at: number): number =>
  buffer.readUInt32BE(at) * high + buffer.readUInt32BE(at + 4);

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const count32 = (n: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(n);
  return buffer;
};

/** Data of NBD_OPT_SET_META_CONTEXT for one context. */
export const metaContextData = (exportName: string, context: string): Buffer =>
  Buffer.concat([text(exportName), count32(1), text(context)]);

/** Data of NBD_OPT_GO: we also want to know the server's limits. */
export const goData = (exportName: string): Buffer =>
  Buffer.concat([text(exportName), Buffer.from([0, 1, 0, info.blockSize])]);
