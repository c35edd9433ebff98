import { gzipSync } from 'node:zlib';
import type { Change } from './changes.ts';
import { type CpioEntry, cpio, foldersOf } from './cpio.ts';
import { depBinary, depText } from './kmod-index.ts';
import { asLz4 } from './lz4.ts';
import { moduleName, type Needed, parseDep } from './modules.ts';
import { type Refusal, refuse } from './part.ts';

/** An installed kernel with its initramfs. */
export interface Kernel {
  readonly version: string;
  readonly initrd: string;
  /** The names in the initramfs; undefined when it could not be unpacked. */
  readonly holds: readonly string[] | undefined;
  /** What alone the kernel unpacks behind it; absent: any archive. */
  readonly behind?: Behind;
  /** Of {@link textsInside} those that stand in the initramfs, by their paths there. */
  readonly texts: ReadonlyMap<string, string>;
  readonly needed: Needed;
  /** Below `/lib/modules/<version>/`: the files needed, under the names that {@link nameInside} gives, and the indexes. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** LZ4 has no end but the file's: what stands close behind it must be LZ4 too, and nothing behind zeros is sure to be seen. */
export type Behind = 'lz4' | 'nothing';

/** What is loaded first. */
const forced = 'conf/modules';
/** The guest's crypttab, as initramfs-tools and dracut take it along. */
export const crypttabsInside: readonly string[] = ['cryptroot/crypttab', 'etc/crypttab'];
export const textsInside: readonly string[] = [forced, ...crypttabsInside];

export const indexes = ['modules.dep', 'modules.alias', 'modules.alias.bin'] as const;
/** The kernel's own index of aliases names more modules than the initramfs has: one that is not there is simply not loaded. */
const taken = ['modules.alias', 'modules.alias.bin'] as const;

export type Maker = 'initramfs-tools' | 'dracut' | 'unknown';

/** Who made an initramfs, by what it holds. */
export function makerOf({ holds = [] }: Pick<Kernel, 'holds'>): Maker {
  if (holds.some((name) => /(^|\/)dracut/.test(name))) return 'dracut';
  return holds.some((name) => /^(conf\/(arch|initramfs)\.conf|scripts\/functions)$/.test(name))
    ? 'initramfs-tools'
    : 'unknown';
}

const isModule = (name: string) => /\.ko(\.\w+)?$/.test(name);

/** Where modules are unpacked before they go into the initramfs, ours must be too: its loader may know no compression. */
export function nameInside(file: string, holds: readonly string[]): string {
  const modules = holds.filter(isModule);
  const plain = modules.length > 0 && modules.every((name) => name.endsWith('.ko'));
  return plain ? file.replace(/\.ko\.\w+$/, '.ko') : file;
}

/** Files that are put into an initramfs by their own path, whatever else it holds. */
export type Extra = ReadonlyMap<string, Buffer>;

/**
 * What is appended to a kernel's initramfs, so that it finds its disk on KVM: the kernel unpacks archives one behind the
 * other, later files over earlier ones. Undefined: it has all already.
 */
export function initramfsChange(kernel: Kernel, extra: Extra): Change | Refusal | undefined {
  const { version, needed, holds, files, initrd } = kernel;
  if (needed.missing.length > 0)
    return refuse('guest.kernel-unsupported', `its kernel ${version} has no driver ${needed.missing.join(', ')}`);
  if (holds === undefined) return refuse('guest.initramfs-unsupported', `${initrd} cannot be unpacked`, initrd);
  if (makerOf(kernel) === 'unknown')
    return refuse('guest.initramfs-unsupported', `${initrd} is made by neither initramfs-tools nor dracut`, initrd);
  const inside = modulesInside(holds, version);
  const absent = needed.files.filter((file) => !inside.has(moduleName(file)));
  const entries: CpioEntry[] = [...extra].map(([path, content]) => ({ path, content }));
  if (absent.length > 0) {
    const folder = `${folderInside(holds)}/${version}`;
    for (const file of absent) {
      const name = nameInside(file, holds);
      const content = files.get(name);
      if (!content) return refuse('guest.kernel-unsupported', `its kernel ${version} lacks the file ${file}`);
      inside.set(moduleName(name), name);
      entries.push({ path: `${folder}/${name}`, content });
    }
    for (const name of taken) {
      const content = files.get(name);
      if (content) entries.push({ path: `${folder}/${name}`, content });
    }
    const union = dependencies(files.get('modules.dep')?.toString('utf8') ?? '', inside);
    entries.push({ path: `${folder}/modules.dep`, content: Buffer.from(depText(union)) });
    entries.push({ path: `${folder}/modules.dep.bin`, content: depBinary(union) });
    const list = kernel.texts.get(forced);
    if (list !== undefined) entries.push({ path: forced, content: Buffer.from(withModules(list, needed.names)) });
  }
  if (entries.length === 0) return undefined;
  if (kernel.behind === 'nothing')
    return refuse(
      'guest.initramfs-unsupported',
      `${initrd} is packed by lz4 and does not end with it: what is put behind it may never be unpacked`,
      initrd,
    );
  const folders = foldersOf(entries.map(({ path }) => path));
  const archive = cpio([...folders.map((path) => ({ path })), ...entries]);
  return kernel.behind === 'lz4'
    ? { kind: 'append', path: initrd, content: asLz4(archive), close: true }
    : { kind: 'append', path: initrd, content: gzipSync(archive, { level: 1 }) };
}

/** Name -> path below its version's folder. */
function modulesInside(holds: readonly string[], version: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of holds) {
    const start = name.indexOf(`lib/modules/${version}/`);
    if (start >= 0 && isModule(name)) found.set(moduleName(name), name.slice(start + `lib/modules/${version}/`.length));
  }
  return found;
}

/** Where `lib` is a link to usr/lib, a folder of that name would replace the link. */
const folderInside = (holds: readonly string[]) =>
  holds.some((name) => name.startsWith('lib/modules/')) ? 'lib/modules' : 'usr/lib/modules';

/** The kernel's own modules.dep for those that are inside, by the paths that they have there. */
function dependencies(dep: string, inside: ReadonlyMap<string, string>): Map<string, string[]> {
  const known = parseDep(dep);
  return new Map(
    [...inside].map(([name, path]) => [
      path,
      (known.get(name)?.needs ?? []).flatMap((need) => inside.get(moduleName(need)) ?? []),
    ]),
  );
}

/** A list of modules with the names that it lacks. */
export function withModules(list: string, names: readonly string[]): string {
  const listed = new Set(list.split('\n').map((line) => moduleName(line.trim().split(/\s+/)[0] ?? '')));
  const lines = names.filter((name) => !listed.has(name)).map((name) => `${name}\n`);
  return (lines.length === 0 || list === '' || list.endsWith('\n') ? list : `${list}\n`) + lines.join('');
}
