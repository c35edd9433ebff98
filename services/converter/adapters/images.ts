import { closeSync, openSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import { run } from './run.ts';
import { reader } from './undo.ts';

const infoMs = 30_000;
const convertMs = 3_600_000;
/** Of qemu-img, which reads a part of an image's tables at a time. */
const bounds = { memory: 1024 ** 3 } as const;
const infoSchema = z.object({
  'backing-filename': z.string().optional(),
  'format-specific': z
    .object({
      data: z
        .object({
          'data-file': z.string().optional(),
          extents: z.array(z.object({ filename: z.string() })).optional(),
        })
        .loose(),
    })
    .optional(),
});

/** How a disk image is written; `raw` is all that is not known. */
export function formatOf(file: string): 'raw' | 'qcow2' | 'vmdk' {
  const handle = openSync(file, 'r');
  try {
    const head = reader(handle)(0, 24).toString('latin1');
    if (head.startsWith('QFI\xfb')) return 'qcow2';
    return head.startsWith('KDMV') || head.startsWith('COWD') || head.startsWith('# Disk Descriptor') ? 'vmdk' : 'raw';
  } finally {
    closeSync(handle);
  }
}

/** A raw image of what a file holds: the file itself, or a copy of it in `folder`. */
export async function rawImage(file: string, folder: string, index: number, signal: AbortSignal): Promise<string> {
  const format = formatOf(file);
  if (format === 'raw') return file;
  await refuseElsewhere(file, format, signal);
  await refuseLarger(file, format, folder, signal);
  const raw = join(folder, `disk-${index}.raw`);
  const args = ['convert', '-f', format, '-O', 'raw', file, raw];
  const { code, stderr } = await run('qemu-img', args, { deadlineMs: convertMs, signal, bounds });
  if (code !== 0) throw new TranshipError('guest.image', `qemu-img cannot read ${file}: ${stderr.trim()}`);
  return raw;
}

const measureSchema = z.object({ required: z.number() });

/** A small image may hold more than any disk: all its places may be one piece of it. */
async function refuseLarger(file: string, format: string, folder: string, signal: AbortSignal): Promise<void> {
  const args = ['measure', '-f', format, '-O', 'raw', '--output=json', file];
  const { code, stdout, stderr } = await run('qemu-img', args, { deadlineMs: infoMs, signal, bounds });
  if (code !== 0) throw new TranshipError('guest.image', `qemu-img cannot read ${file}: ${stderr.trim()}`);
  const { required } = measureSchema.parse(JSON.parse(stdout));
  const { bavail, bsize } = statfsSync(folder);
  if (required > bavail * bsize)
    throw new TranshipError(
      'guest.image',
      `${file} holds ${required} bytes, and ${folder} has room for ${bavail * bsize}`,
    );
}

/** An image may name other files of this machine: those of a guest are none of its own. */
async function refuseElsewhere(file: string, format: string, signal: AbortSignal): Promise<void> {
  const args = ['info', '-f', format, '--output=json', file];
  const { code, stdout, stderr } = await run('qemu-img', args, { deadlineMs: infoMs, signal, bounds });
  if (code !== 0) throw new TranshipError('guest.image', `qemu-img cannot read ${file}: ${stderr.trim()}`);
  const { 'backing-filename': backing, 'format-specific': specific } = infoSchema.parse(JSON.parse(stdout));
  const other = backing ?? specific?.data['data-file'];
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  const away = specific?.data.extents?.find(
    ({ filename }) => !filename.startsWith(folder) || filename.slice(folder.length).includes('/'),
  );
  if (other !== undefined || away)
    throw new TranshipError('guest.image', `${file} refers to another file: ${other ?? away!.filename}`);
}
