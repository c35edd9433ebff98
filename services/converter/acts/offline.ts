import { constants, copyFileSync, lstatSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type GuestAnswer, type Inspection, TranshipError } from '@tranship/contracts';
import { claim, isOpen, lock } from '../adapters/claim.ts';
import { writeTargets } from '../adapters/commit.ts';
import { type Probe, probeDisks } from '../adapters/disks.ts';
import { formatOf, rawImage } from '../adapters/images.ts';
import { endNbd } from '../adapters/nbd/reader.ts';
import { writeOverlay } from '../adapters/overlay.ts';
import { isRemote, sizeOf } from '../adapters/reading.ts';
import { changedPlaces } from '../adapters/undo.ts';
import { convertDisks } from './convert.ts';
import { carryOut, isIdle, makeReady, type Ready } from './direct.ts';
import { withOpener } from './engines.ts';
import { type Found, inspectDisks, inspectionOf, planTree } from './inspect.ts';
import type { Work } from './plan-guest.ts';

/** Disk images, or one folder with a guest's files, as a person names them. */
export interface Request extends Omit<Work, 'images'> {
  readonly files: readonly string[];
  readonly overlay?: string;
}

/** What there is and what would be done; nothing is changed. */
export async function inspectFiles(request: Request): Promise<GuestAnswer> {
  const began = performance.now();
  try {
    const found = isTree(request)
      ? (await planTree(resolve(request.files[0]!), request)).inspection
      : await inspectDisks({ ...request, images: await imagesOf(request) });
    return { inspection: timed(found, began), written: 'nowhere' };
  } finally {
    await endNbd();
  }
}

/** Converts raw images where they lie, or into an overlay; of a folder, its network and its boot. */
export async function convertFiles(request: Request): Promise<GuestAnswer> {
  const began = performance.now();
  const { overlay } = request;
  if (overlay !== undefined && lstatSync(overlay, { throwIfNoEntry: false }))
    throw new TranshipError('guest.image', `${overlay} is there already: an overlay is a new file`);
  if (isTree(request)) {
    if (overlay !== undefined)
      throw new TranshipError('guest.image', 'a folder is converted in place: it has no overlay');
    const { guest, edit, inspection } = await planTree(resolve(request.files[0]!), request);
    refuseUnsupported(inspection);
    await writeTargets(guest, edit.targets, () => join(request.scratch, 'undo'));
    return { inspection: timed(inspection, began), written: 'in-place' };
  }
  const remote = request.files.find(isRemote);
  if (remote !== undefined)
    throw new TranshipError('guest.image', `${remote} is looked at only; raw images are converted`);
  for (const file of request.files)
    if (formatOf(known(file)) !== 'raw')
      throw new TranshipError('guest.image', `${file} is a ${formatOf(file)} image; raw ones are converted`);
  const images = await imagesOf(request);
  if (overlay !== undefined) {
    // Before a whole disk is copied.
    const inspection = await inspectDisks({ ...request, images });
    refuseUnsupported(inspection);
    await intoOverlay(request, images, overlay);
    return { inspection: timed(inspection, began), written: 'overlay' };
  }
  let told: Found | undefined;
  const onReady = (probe: Probe, { planned, edit }: Ready) => {
    told = inspectionOf(probe, planned, { edit, warnings: planned.unclean });
  };
  const first = realpathSync(request.files[0]!);
  // Beside the disk: what a crash leaves is found again by the next run.
  const scratchDir = join(dirname(first), `.${basename(first)}.tranship`);
  const locks = await lock(images);
  const job = { ...request, images, scratchDir, key: first, now: () => performance.now(), onReady };
  try {
    claim(scratchDir, images);
    await convertDisks({ ...job, warn: (message) => process.stderr.write(`${message}\n`) });
  } finally {
    try {
      // Kept where a disk could not be put back.
      if (!isOpen(scratchDir)) rmSync(scratchDir, { recursive: true, force: true });
    } finally {
      for (const each of locks) each.close();
    }
  }
  const inspection = told ?? (await inspectDisks({ ...request, images }));
  return { inspection: timed(inspection, began), written: 'in-place' };
}

async function intoOverlay(request: Request, images: Work['images'], overlay: string): Promise<void> {
  const [image] = images;
  if (!image || images.length > 1)
    throw new TranshipError('guest.image', 'an overlay is made of one disk; this guest has several');
  const changed = join(request.scratch, 'changed.raw');
  copyFileSync(image.path, changed, constants.COPYFILE_FICLONE);
  const own = [{ ...image, path: changed }];
  const logs: string[] = [];
  // What fails leaves a copy that is thrown away.
  const nothing = () => {};
  const safety = { folder: request.scratch, begin: nothing, rollBack: nothing, log: () => newLog() };
  const newLog = () => logs[logs.push(join(request.scratch, `undo-${logs.length}`)) - 1]!;
  await withOpener(probeDisks(own), request, async (open, probe) => {
    const ready = await makeReady({ ...request, images: own }, probe, open);
    if ('edit' in ready && !isIdle(ready)) await carryOut(ready, safety, own);
  });
  const parts = [{ file: changed, places: logs.flatMap(changedPlaces), offset: 0 }];
  await writeOverlay({ base: image.path, parts, overlay: resolve(overlay) }, request.scratch, request.signal);
}

function refuseUnsupported({ supported, concerns }: Pick<Inspection, 'supported' | 'concerns'>): void {
  const critical = concerns.find(({ category }) => category === 'critical');
  if (!supported && critical) throw new TranshipError(critical.id as 'guest.unsupported', critical.why);
}

async function imagesOf({ files, scratch, signal }: Request): Promise<Work['images']> {
  const images = [];
  for (const [index, file] of files.entries()) {
    if (isRemote(file)) {
      images.push({ index, path: file, sizeBytes: sizeOf(file) });
      continue;
    }
    const path = await rawImage(known(file), scratch, index, signal);
    images.push({ index, path, sizeBytes: statSync(path).size });
  }
  return images;
}

function known(file: string): string {
  const path = resolve(file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new TranshipError('guest.image', `there is no ${file}`);
  // Whoever opens a pipe waits for its other end.
  if (!found.isFile() && !found.isBlockDevice() && !found.isDirectory())
    throw new TranshipError('guest.image', `${file} is no disk image, no block device and no folder`);
  return path;
}

function isTree({ files }: Request): boolean {
  const folders = files.filter((file) => !isRemote(file) && statSync(known(file)).isDirectory());
  if (files.length === 0) throw new TranshipError('guest.image', 'no disk image was named');
  if (folders.length > 0 && files.length > 1)
    throw new TranshipError('guest.image', 'one folder is a guest of its own: name nothing else with it');
  return folders.length > 0;
}

const timed = (found: Omit<Inspection, 'seconds'>, began: number): Inspection => ({
  ...found,
  seconds: Math.round(performance.now() - began) / 1000,
});
