import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { FileSystemKind } from '../../domain/superblock.ts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../../ports.ts';
import { isFile } from '../entries.ts';
import type { Appliance } from './appliance.ts';
import { Failed, type Fish } from './fish.ts';
import { bytesOf, lists, quote, structures } from './words.ts';

const notThere = /: (No such file or directory|Not a directory)$/;
const noAttributes = /: (No such file or directory|Not a directory|Operation not supported)$/;

/** A file system that the appliance's kernel mounts, over a layer of its disk. */
export class ApplianceFs implements WritableFs {
  readonly appliance: Appliance;
  readonly #device: string;
  readonly #kind: FileSystemKind;
  readonly #options: string;

  /** `subvolume`: of btrfs, its path; absent: the default one. */
  constructor(appliance: Appliance, device: string, kind: FileSystemKind, subvolume?: string) {
    this.appliance = appliance;
    this.#device = device;
    this.#kind = kind;
    this.#options = subvolume === undefined ? 'noatime' : `noatime,subvol=/${subvolume}`;
  }

  list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    return this.#within(async (fish) => {
      const found = new Map<string, Entry[]>();
      const file = join(this.appliance.folder, 'names');
      for (const folder of folders) {
        if ((await unless(notThere, fish.ask('ls0', [quote(folder), quote(file)]))) === undefined) continue;
        const names = readFileSync(file, 'utf8').split('\0');
        found.set(folder, [...(await entries(fish, folder, names.slice(0, -1))).values()]);
      }
      return found;
    });
  }

  async dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    const folder = mkdtempSync(join(this.appliance.folder, 'dump-'));
    try {
      return await this.#within(async (fish) => {
        const copies = new Map<string, string>();
        // A device or a link in the place of a file is never opened.
        for (const file of await plainFiles(fish, files, maxBytes)) {
          const here = join(folder, String(copies.size));
          await fish.ask('download', [quote(file), quote(here)]);
          if (existsSync(here)) copies.set(file, here);
        }
        return { folder, files: copies };
      });
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** SHA-256 of each plain file below a folder, by its path; nothing where there is no such folder. */
  digests(folder: string): Promise<Map<string, string>> {
    const at = folder === '/' ? '' : folder;
    return this.#within(async (fish) => {
      const file = join(this.appliance.folder, 'digests');
      const said = await unless(notThere, fish.ask('checksums-out', ['sha256', quote(folder), quote(file)]));
      if (said === undefined) return new Map();
      return parseDigests(readFileSync(file, 'utf8'), at);
    });
  }

  attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    return this.#within(async (fish) => {
      const found = new Map<string, Attributes>();
      for (const path of paths) {
        const said = await unless(noAttributes, fish.ask('lgetxattrs', [quote(path)]));
        const own = structures(said ?? '').flatMap((each): [string, Buffer][] => {
          const name = each.get('attrname');
          return name === undefined ? [] : [[name, bytesOf(each.get('attrval') ?? '')]];
        });
        if (own.length > 0) found.set(path, new Map(own));
      }
      return found;
    });
  }

  /** Into the layer: nothing of it is on the disk. What is there already is written in its place, so that it keeps what it has. */
  async write(targets: readonly PlacedTarget[]): Promise<void> {
    await this.#within(async (fish) => {
      for (const target of targets) await put(fish, target, this.#kind);
    });
    // Read back is what the next mount finds.
    await this.appliance.ask('sync');
  }

  async check(): Promise<string | undefined> {
    const checks: Partial<Record<FileSystemKind, readonly string[]>> = {
      xfs: ['xfs-repair', quote(this.#device), 'nomodify:true'],
      btrfs: ['btrfs-fsck', quote(this.#device)],
      ext: ['e2fsck', quote(this.#device), 'correct:true'],
    };
    const [command, ...args] = checks[this.#kind] ?? [];
    if (command === undefined) return undefined;
    try {
      const said = (await this.appliance.ask(command, ...args)).trim();
      return command === 'xfs-repair' && said !== '0' ? `xfs_repair ends with ${said}` : undefined;
    } catch (error) {
      if (error instanceof Failed) return error.detail;
      throw error;
    }
  }

  #within<T>(use: (fish: Fish) => Promise<T>): Promise<T> {
    return this.appliance.within(this.#device, this.#options, use);
  }
}

/** Lines of `sha256sum`, of paths below the folder that it ran in. One of a name with a line break or a backslash begins with a backslash, and is left out. */
const parseDigests = (text: string, at: string) =>
  new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, sha256, path] = /^([0-9a-f]{64}) [ *]\.\/(.+)$/.exec(line) ?? [];
      return path === undefined ? [] : [[`${at}/${path}`, sha256!]];
    }),
  );

/** The answer of a command; undefined when it failed for such a reason. */
async function unless(reason: RegExp, answer: Promise<string>): Promise<string | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Failed && reason.test(error.detail)) return undefined;
    throw error;
  }
}

/** What is at these names in a folder; names that are not there are left out. */
async function entries(fish: Fish, folder: string, wanted: readonly string[]): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  const at = quote(folder);
  for (const { names, argument } of lists(wanted, at.length + 32))
    for (const [i, stat] of structures(await fish.ask('lstatnslist', [at, argument])).entries()) {
      const number = (field: string) => Number(stat.get(`st_${field}`));
      const [name, size] = [names[i]!, number('size')];
      if (number('ino') !== -1)
        found.set(name, { name, mode: number('mode'), uid: number('uid'), gid: number('gid'), size });
    }
  return found;
}

async function plainFiles(fish: Fish, files: readonly string[], maxBytes: number): Promise<string[]> {
  const found: string[] = [];
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    const own = files.filter((file) => dirname(file) === folder);
    const names = own.map((file) => file.slice(file.lastIndexOf('/') + 1));
    const there = await entries(fish, folder, names);
    found.push(
      ...own.filter((_, i) => {
        const entry = there.get(names[i]!);
        return entry && isFile(entry) && entry.size <= maxBytes;
      }),
    );
  }
  return found;
}

async function put(fish: Fish, target: PlacedTarget, kind: FileSystemKind): Promise<void> {
  const { what, mode, uid, gid, now, inner, attributes } = target;
  const at = quote(inner);
  const isLink = typeof what !== 'string' && 'link' in what;
  if (what === 'folder') await fish.ask('mkdir', [at]);
  else if (isLink) {
    if (now) await fish.ask('rm', [at]);
    await fish.ask('ln-s', [quote(what.link), at]);
  } else await fish.ask('upload', [quote(what.file), at]);
  if (kind === 'vfat') return;
  await fish.ask(isLink ? 'lchown' : 'chown', [String(uid), String(gid), at]);
  if (!isLink) await fish.ask('chmod', [`0${(mode & 0o7777).toString(8)}`, at]);
  if (now && !isLink) return;
  for (const [name, value] of attributes)
    await fish.ask('lsetxattr', [quote(name), ...textArguments(name, value, inner), at]);
}

/** It takes text, and the zero behind it. */
function textArguments(name: string, value: Buffer, path: string): string[] {
  const end = value.indexOf(0);
  if (end >= 0 && end !== value.length - 1)
    throw new TranshipError('guest.unsupported', `${path} would have the attribute ${name}, which is no text`);
  const text = end < 0 ? value : value.subarray(0, end);
  return [quote(text), String(value.length)];
}
