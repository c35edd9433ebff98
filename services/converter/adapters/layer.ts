import { closeSync, openSync } from 'node:fs';
import { TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import { run } from './run.ts';
import { reader, rewrite, type Stretch } from './undo.ts';

const createMs = 30_000;
const mapMs = 300_000;
const maxStretch = 1024 ** 2;
const mapSchema = z.array(
  z.object({
    start: z.number(),
    length: z.number(),
    depth: z.number(),
    zero: z.boolean(),
    present: z.boolean().optional(),
    offset: z.number().optional(),
  }),
);

/** A qcow2 file over a disk, or over a part of it, that takes what would be written there. */
export interface Layer {
  readonly file: string;
  /** The disk below: a raw file or a block device. */
  readonly path: string;
  /** Where the layer begins on it. */
  readonly offset: number;
}

/** A stretch that the layer holds itself; `from`: where in its file, undefined: zeros. */
interface Held extends Stretch {
  readonly from: number | undefined;
}

/** Makes an empty layer. Without `length` it lies over the whole disk. */
export async function createLayer(
  { file, path, offset }: Layer,
  length: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const part = { driver: 'raw', offset, size: length, file: { driver: 'file', filename: path } };
  const base = length === undefined ? path : `json:${JSON.stringify(part)}`;
  const create = ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base, file];
  const { code, stderr } = await run('qemu-img', create, { deadlineMs: createMs, signal });
  if (code !== 0) throw new TranshipError('guest.conversion', `qemu-img: ${stderr.trim()}`, { retry: true });
}

/** Where a layer that nobody has open differs from its disk. */
export async function differences(layer: Layer, signal: AbortSignal): Promise<readonly Held[]> {
  const args = ['map', '--output=json', layer.file];
  const { code, stdout, stderr } = await run('qemu-img', args, { deadlineMs: mapMs, signal });
  if (code !== 0) throw new TranshipError('guest.conversion', `qemu-img: ${stderr.trim()}`);
  const held = mapSchema
    .parse(JSON.parse(stdout))
    .filter(({ depth, present }) => depth === 0 && present !== false)
    .flatMap(({ start, length, zero, offset }) =>
      Array.from({ length: Math.ceil(length / maxStretch) }, (_, i) => ({
        at: start + i * maxStretch,
        length: Math.min(maxStretch, length - i * maxStretch),
        from: zero || offset === undefined ? undefined : offset + i * maxStretch,
      })),
    );
  return withBoth(layer, (readNew, readOld) => held.filter((each) => !readNew(each).equals(readOld(each))));
}

/** Carries a layer's differences to its disk, under an undo log. Durable before it returns. */
export function commitLayer(layer: Layer, changed: readonly Held[], undoLog: string): void {
  const { path: disk, offset: start } = layer;
  withBoth(layer, (readNew) => rewrite(undoLog, { disk, start }, changed, readNew));
}

type ReadStretch = (stretch: Held) => Buffer;

function withBoth<T>({ file, path, offset }: Layer, use: (readNew: ReadStretch, readOld: ReadStretch) => T): T {
  const [top, disk] = [openSync(file, 'r'), openSync(path, 'r')];
  try {
    const [fromTop, fromDisk] = [reader(top), reader(disk)];
    return use(
      ({ from, length }) => (from === undefined ? Buffer.alloc(length) : fromTop(from, length)),
      ({ at, length }) => fromDisk(offset + at, length),
    );
  } finally {
    closeSync(top);
    closeSync(disk);
  }
}
