import { gzipSync } from 'node:zlib';
import { TranshipError } from '@tranship/contracts';
import type { Change } from './changes.ts';
import { type CpioEntry, cpio, foldersOf } from './cpio.ts';
import { moduleName, type Needed } from './modules.ts';

/** An installed kernel with its initramfs. */
export interface Kernel {
  readonly version: string;
  readonly initrd: string;
  /** The names in the initramfs; undefined when its compression is not known here. */
  readonly holds: readonly string[] | undefined;
  /** `conf/modules` as it stands in the initramfs: what is loaded first. */
  readonly forced: string | undefined;
  readonly needed: Needed;
  /** Below `/lib/modules/<version>/`: the files needed, and the indexes. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** The kernel's indexes name more modules than the initramfs has: one that is not there is simply not loaded. */
export const indexes = ['modules.dep', 'modules.dep.bin', 'modules.alias', 'modules.alias.bin'] as const;

/** Files that are put into an initramfs by their own path, whatever else it holds. */
export type Extra = ReadonlyMap<string, Buffer>;

/**
 * What is appended to a kernel's initramfs, so that it finds its disk on KVM: the kernel unpacks archives one behind the
 * other, later files over earlier ones. Undefined: it has all already.
 */
export function initramfsChange(kernel: Kernel, extra: Extra): Change | undefined {
  const { version, needed, holds, files } = kernel;
  if (needed.missing.length > 0)
    throw new TranshipError('guest.unsupported', `its kernel ${version} has no driver ${needed.missing.join(', ')}`);
  if (holds?.some((name) => name.includes('lib/dracut/')))
    throw new TranshipError('guest.unsupported', `the initramfs of its kernel ${version} is made by dracut`);
  const inside = new Set(holds?.filter((name) => /\.ko(\.\w+)?$/.test(name)).map(moduleName));
  const absent = needed.files.filter((file) => !inside.has(moduleName(file)));
  const entries: CpioEntry[] = [...extra].map(([path, content]) => ({ path, content }));
  if (absent.length > 0) {
    for (const name of [...absent, ...indexes]) {
      const content = files.get(name);
      if (!content && absent.includes(name))
        throw new TranshipError('guest.unsupported', `its kernel ${version} lacks the file ${name}`);
      if (content) entries.push({ path: `lib/modules/${version}/${name}`, content });
    }
    if (kernel.forced !== undefined)
      entries.push({ path: 'conf/modules', content: Buffer.from(withModules(kernel.forced, needed.names)) });
  }
  if (entries.length === 0) return undefined;
  // Where `lib` is a link to usr/lib, a folder of that name would replace the link.
  const folders = foldersOf(entries.map(({ path }) => path)).filter((path) => path !== 'lib');
  const archive = gzipSync(cpio([...folders.map((path) => ({ path })), ...entries]), { level: 1 });
  return { kind: 'append', path: kernel.initrd, content: archive };
}

/** A list of modules with the names that it lacks. */
export function withModules(list: string, names: readonly string[]): string {
  const listed = new Set(list.split('\n').map((line) => moduleName(line.trim().split(/\s+/)[0] ?? '')));
  const lines = names.filter((name) => !listed.has(name)).map((name) => `${name}\n`);
  return (lines.length === 0 || list === '' || list.endsWith('\n') ? list : `${list}\n`) + lines.join('');
}
