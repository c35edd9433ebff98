import { readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Target } from '../ports.ts';
import { entryAt, type Guest, type Mount } from './guest.ts';
import { hashOf } from './hash.ts';

/** Begins an undo log for a disk, and names its file. */
export type UndoLogs = (disk: number) => string;

const spareBytes = 2 * 1024 ** 2;

/** Throws `guest.no-space` when the targets do not fit their file systems. */
export function checkRoom(guest: Guest, targets: readonly Target[]): void {
  for (const { mount, own } of byMount(guest, targets)) {
    const { ext, freeBytes: free } = mount.volume.fileSystem ?? {};
    if (!ext && free === undefined) continue;
    const { freeBytes, freeInodes, blockSize } = ext ?? { freeBytes: free!, freeInodes: Infinity, blockSize: 4096 };
    const { bytes, inodes } = growth(own, blockSize);
    if (bytes + spareBytes > freeBytes || inodes > freeInodes)
      throw new TranshipError(
        'guest.no-space',
        `${mount.at} of the guest needs ${mib(bytes + spareBytes)} and has ${mib(freeBytes)} free`,
      );
  }
}

/** Throws `guest.ext-unsupported` where what reaches a file system cannot write these targets in it. */
export async function checkWritable(guest: Guest, targets: readonly Target[]): Promise<void> {
  for (const { mount, own } of byMount(guest, targets)) {
    const placed = own.map((target) => ({ ...target, inner: guest.locate(target.path).inner }));
    const why = await mount.fs.unwritable?.(placed);
    if (why) throw new TranshipError('guest.ext-unsupported', `${mount.at} of the guest: ${why}`);
  }
}

const spareHostBytes = 32 * 1024 ** 2;

/** What the files among the targets hold. */
export const bytesOf = (targets: readonly Target[]): number =>
  targets.reduce(
    (sum, { what }) => sum + (typeof what !== 'string' && 'file' in what ? statSync(what.file).size : 0),
    0,
  );

/**
 * Throws `target.full` where there is no room for a change of so many bytes: in the folder `logs` for `times` as many, and in
 * sparse images for what they do not hold yet.
 */
export function checkHostRoom(logs: string, images: readonly string[], bytes: number, times = 1): void {
  const most = bytes + spareHostBytes;
  const needs = new Map<number, { at: string; bytes: number }>();
  const need = (at: string, own: number) => {
    const { dev } = statSync(at);
    needs.set(dev, { at, bytes: (needs.get(dev)?.bytes ?? 0) + own });
  };
  need(logs, times * bytes + spareHostBytes);
  for (const image of images) {
    const { size, blocks } = statSync(image);
    if (statSync(image).isFile()) need(dirname(image), Math.min(most, Math.max(0, size - blocks * 512)));
  }
  for (const { at, bytes: needed } of needs.values()) {
    const { bavail, bsize } = statfsSync(at);
    if (bavail * bsize < needed)
      throw new TranshipError(
        'target.full',
        `${at} has ${mib(bavail * bsize)} free; the conversion may need ${mib(needed)}`,
      );
  }
}

/** By how much a mount grows at most, in bytes and inodes, when blocks have this size. */
function growth(targets: readonly Target[], blockSize: number): { bytes: number; inodes: number } {
  const whole = (size: number) => Math.ceil(size / blockSize) * blockSize;
  const bytes = targets.map(({ what, now }) => {
    if (typeof what === 'string' || 'link' in what) return blockSize;
    return whole(statSync(what.file).size) - whole(now?.size ?? 0);
  });
  // A folder may need one more block for each entry that is added.
  const folders = new Set(targets.map(({ path }) => dirname(path))).size * blockSize;
  return { bytes: bytes.reduce((a, b) => a + b, 0) + folders, inodes: targets.filter(({ now }) => !now).length };
}

const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

/** Writes the targets, one run a file system, each under an undo log of its own. */
export async function writeTargets(guest: Guest, targets: readonly Target[], log: UndoLogs): Promise<void> {
  for (const { mount, own } of byMount(guest, targets)) {
    guest.forget();
    await mount.fs.write(
      own.map((target) => ({ ...target, inner: guest.locate(target.path).inner })),
      log(mount.volume.disk),
    );
  }
}

/** Reads back all that was written, and checks the file systems as a whole. Throws `guest.conversion` when anything is not as it shall be. */
export async function verifyTargets(guest: Guest, targets: readonly Target[]): Promise<void> {
  const wrong = (path: string) => new TranshipError('guest.conversion', `${path} does not read as it was written`);
  const entries = await guest.list(targets.map(({ path }) => dirname(path)));
  for (const { path, what, mode, uid, gid } of targets) {
    const entry = entryAt(entries, path);
    const size =
      typeof what === 'string' ? entry?.size : 'link' in what ? Buffer.byteLength(what.link) : statSync(what.file).size;
    if (!entry || entry.mode !== mode || entry.uid !== uid || entry.gid !== gid || entry.size !== size)
      throw wrong(path);
  }
  const attributes = await guest.attributes(
    targets.flatMap(({ path, attributes }) => (attributes.size > 0 ? [path] : [])),
  );
  for (const { path, attributes: wanted } of targets)
    for (const [name, value] of wanted) if (!attributes.get(path)?.get(name)?.equals(value)) throw wrong(path);
  const files = targets.flatMap(({ path, what }) =>
    typeof what !== 'string' && 'file' in what ? [{ path, file: what.file }] : [],
  );
  await guest.withCopies(
    files.map(({ path }) => path),
    async (copies) => {
      for (const { path, file } of files) {
        const copy = copies.get(path);
        if (!copy || !(await same(copy, file))) throw wrong(path);
      }
    },
  );
  for (const { mount } of byMount(guest, targets)) {
    const problem = await mount.fs.check();
    if (problem) throw new TranshipError('guest.conversion', `${mount.at} of the guest: ${problem}`);
  }
}

const smallBytes = 1024 ** 2;

async function same(a: string, b: string): Promise<boolean> {
  if (statSync(a).size !== statSync(b).size) return false;
  if (statSync(a).size <= smallBytes) return readFileSync(a).equals(readFileSync(b));
  return (await hashOf(a)) === (await hashOf(b));
}

function byMount(guest: Guest, targets: readonly Target[]): { mount: Mount; own: Target[] }[] {
  return guest.mounts.flatMap((mount) => {
    const own = targets.filter(({ path }) => guest.locate(path).mount === mount);
    return own.length > 0 ? [{ mount, own }] : [];
  });
}
