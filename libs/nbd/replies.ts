import { TranshipError } from '@tranship/contracts';
import type { Told } from './extents.ts';
import { type Steps, take } from './feed.ts';
import { allocation, chunk, command, errnoName, flagDone, magic, readSafe64 } from './protocol.ts';

/** A request that waits for its reply. */
export interface Pending {
  /** Of `command`. */
  readonly kind: number;
  readonly offset: number;
  readonly length: number;
  /** When it was sent. */
  readonly at: number;
  /** Of a read: where its bytes go. */
  readonly target?: Buffer;
  /** Of a read: what came so far, within the request. */
  readonly parts: { at: number; length: number }[];
  /** Of a block status: what is told of its window; the request begins where that ended. */
  readonly told?: Told;
  failure?: TranshipError;
  resolve(): void;
  reject(error: Error): void;
}

const maxParts = 64 * 1024;
const maxStatusBytes = 8 * 1024 * 1024 + 4;
const maxErrorBytes = 8 * 1024;
const pieceBytes = 64 * 1024;

/**
 * Replies for ever; the payload of a read goes straight into its buffer. `simple`: those to writes may come without structure,
 * and shorter. @throws Error where the server breaks the protocol
 */
export function* replies(pending: Map<number, Pending>, context: number | undefined, simple: boolean): Steps<void> {
  const head = Buffer.allocUnsafe(20);
  const [first, rest] = [head.subarray(0, 16), head.subarray(16)];
  for (;;) {
    if (simple) {
      yield first;
      if (head.readUInt32BE(0) === magic.simpleReply) {
        unstructured(pending, head.readUInt32BE(4), readSafe64(head, 8));
        continue;
      }
      yield rest;
    } else yield head;
    if (head.readUInt32BE(0) !== magic.structuredReply) throw new Error('a reply that is not structured');
    const [kind, handle, length] = [head.readUInt16BE(6), readSafe64(head, 8), head.readUInt32BE(16)];
    const request = pending.get(handle);
    if (!request) throw new Error('a reply that nobody asked for');
    const last = (head.readUInt16BE(4) & flagDone) !== 0;
    if (kind === chunk.data || kind === chunk.hole) yield* payload(request, kind, length);
    else if (kind === chunk.blockStatus) yield* blockStatus(request, length, context);
    else if (kind >= chunk.error) yield* failure(request, length);
    else if (kind !== chunk.none || length > 0) throw new Error(`a chunk of unknown kind ${kind}`);
    if (!last) continue;
    if (!request.failure) whole(request);
    pending.delete(handle);
    if (request.failure) request.reject(request.failure);
    else request.resolve();
  }
}

function unstructured(pending: Map<number, Pending>, errno: number, handle: number): void {
  const request = pending.get(handle);
  if (!request) throw new Error('a reply that nobody asked for');
  if (request.kind === command.read || request.kind === command.blockStatus)
    throw new Error('a reply that is not structured');
  pending.delete(handle);
  if (errno === 0) request.resolve();
  else request.reject(failed(request, errno));
}

function* payload({ target, offset, parts }: Pending, kind: number, length: number): Steps<void> {
  if (!target) throw new Error('data that nobody asked for');
  const hole = kind === chunk.hole;
  if (hole ? length !== 12 : length <= 8) throw new Error(`a chunk of ${length} bytes`);
  const head = yield* take(hole ? 12 : 8);
  const part = { at: readSafe64(head, 0) - offset, length: hole ? head.readUInt32BE(8) : length - 8 };
  if (part.at < 0 || part.at + part.length > target.length) throw new Error('data outside of what was asked');
  if (parts.push(part) > maxParts) throw new Error('a read in too many parts');
  const place = target.subarray(part.at, part.at + part.length);
  if (hole) place.fill(0);
  else yield place;
}

function* blockStatus(request: Pending, length: number, context: number | undefined): Steps<void> {
  const { told, offset } = request;
  if (told?.at !== offset) throw new Error('a block status that nobody asked for');
  if (length < 12 || length > maxStatusBytes || length % 8 !== 4) throw new Error(`a block status of ${length} bytes`);
  if ((yield* take(4)).readUInt32BE(0) !== context) throw new Error('a block status of another context');
  for (let left = length - 4; left > 0; left -= pieceBytes) {
    const piece = yield* take(Math.min(left, pieceBytes));
    for (let at = 0; at < piece.length; at += 8) {
      const size = piece.readUInt32BE(at);
      const zero = (piece.readUInt32BE(at + 4) & allocation.zero) !== 0;
      if (size === 0) throw new Error('an extent without length');
      if (told.at >= offset + request.length) throw new Error('extents outside of what was asked');
      told.add(size, zero);
    }
  }
}

function* failure(request: Pending, length: number): Steps<void> {
  if (length < 6 || length > maxErrorBytes) throw new Error(`an error of ${length} bytes`);
  const body = yield* take(length);
  const message = body.subarray(6, Math.min(length, 6 + body.readUInt16BE(4))).toString();
  request.failure = failed(request, body.readUInt32BE(0), message);
}

const enospc = 28;
function failed({ kind }: Pending, errno: number, message = ''): TranshipError {
  const reads = kind === command.read || kind === command.blockStatus;
  const code = reads ? 'transfer.read' : errno === enospc ? 'target.full' : 'transfer.write';
  return new TranshipError(code, `${errnoName(errno)} ${message}`.trim());
}

/** Whether the reply covers all that was asked, each byte once. */
function whole({ kind, parts, told, offset, length }: Pending): void {
  if (told?.at === offset) throw new Error('an empty block status');
  if (kind !== command.read) return;
  if (parts.length > 1) parts.sort((a, b) => a.at - b.at);
  let at = 0;
  for (const part of parts) {
    if (part.at !== at) throw new Error('data with gaps');
    at += part.length;
  }
  if (at !== length) throw new Error('less data than was asked');
}
