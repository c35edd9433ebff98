import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Attributes, Entry, GuestFs, PlacedTarget } from '../ports.ts';
import { messages, parseEntries, quote, splitOutputs, writing } from './debugfs.ts';
import { type Bounds, run } from './run.ts';

/** Where a file system lies. */
export interface Place {
  /** A raw file or a block device. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** What a tool needs to read, whatever the file system's size. */
const memory = 256 * 1024 ** 2;
/** Who looks at every block needs some bits for each. */
export const memoryFor = ({ length }: Place): number => memory + Math.ceil(length / 2048);
const noFile = 0;
/** So much of a file lies in its inode, where data may (`inline_data`). */
const inInode = 60;
/** ext4 keeps no larger one, but for those in an inode of their own. */
const maxAttribute = 64 * 1024;
/** Of an inode, what a person sets: synchronous, immutable, append only, not dumped, its times not kept, its data journalled. */
const settable = 0x40f8;
const readMs = 60_000;
const writeMs = 300_000;
const checkMs = 1_800_000;

const stat = (file: string) => `stat ${quote(file)}`;
const flagsIn = (output: string) => Number(/\bFlags: (0x[0-9a-f]+)/.exec(output)?.[1] ?? 0);

/** An ext2, ext3 or ext4 file system in the hands of e2fsprogs: without mounting, without rights. */
export class ExtFs implements GuestFs {
  readonly place: Place;
  readonly #scratch: string;
  readonly #signal: AbortSignal;

  constructor(place: Place, scratch: string, signal: AbortSignal) {
    this.place = place;
    this.#scratch = scratch;
    this.#signal = signal;
  }

  async list(folders: readonly string[]): Promise<Map<string, Entry[]>> {
    const outputs = await this.#debugfs(folders.map((folder) => `ls -p ${quote(folder)}`));
    return new Map(
      outputs.flatMap((output, i) => {
        const entries = parseEntries(output);
        return entries.length > 0 ? [[folders[i]!, entries] as const] : [];
      }),
    );
  }

  async dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'dump-'));
    const local = (i: number) => join(folder, String(i));
    try {
      const commands = files.map((file, i) => `dump ${quote(file)} ${quote(local(i))}`);
      await this.#debugfs(commands, maxBytes);
      await this.#trim(files, local);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return {
      folder,
      files: new Map(files.flatMap((file, i) => (existsSync(local(i)) ? [[file, local(i)] as const] : []))),
    };
  }

  /** What lies in an inode itself debugfs 1.47.0 gives whole, with the zeros behind it. */
  async #trim(files: readonly string[], local: (i: number) => string): Promise<void> {
    const whole = files.flatMap((file, i) =>
      existsSync(local(i)) && statSync(local(i)).size === inInode ? [{ file, copy: local(i) }] : [],
    );
    const outputs = await this.#debugfs(whole.map(({ file }) => stat(file)));
    for (const [i, { copy }] of whole.entries()) {
      const size = Number(/\bSize: (\d+)$/m.exec(outputs[i]!)?.[1] ?? inInode);
      if (size < inInode) truncateSync(copy, size);
    }
  }

  async attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    const outputs = await this.#debugfs(paths.map((path) => `ea_list ${quote(path)}`));
    const wanted = outputs.flatMap((output, i) =>
      [...output.matchAll(/^ {2}([a-z]+\..+?) \(\d+\)(?: = |$)/gm)].flatMap(([, name]) =>
        name === 'system.data' ? [] : [{ path: paths[i]!, name: name! }],
      ),
    );
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'attributes-'));
    try {
      const local = (i: number) => join(folder, String(i));
      const commands = wanted.map(({ path, name }, i) => `ea_get -f ${quote(local(i))} ${quote(path)} ${quote(name)}`);
      await this.#debugfs(commands, maxAttribute);
      const found = new Map<string, Map<string, Buffer>>();
      for (const [i, { path, name }] of wanted.entries()) {
        if (!existsSync(local(i))) continue;
        found.set(path, (found.get(path) ?? new Map()).set(name, readFileSync(local(i))));
      }
      return found;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** debugfs 1.47.0 keeps no quota, leaves behind what is attached to a file in a block of its own, and knows no writing in place. */
  async unwritable(targets: readonly PlacedTarget[]): Promise<string | undefined> {
    const there = targets.filter(({ now }) => now !== undefined);
    const [features = '', ...files] = await this.#debugfs(['features', ...there.map(({ inner }) => stat(inner))]);
    const kept = /\b(quota|project)\b/.exec(features)?.[1];
    if (kept) return `it keeps account of what is used (the feature ${kept})`;
    for (const [i, { path }] of there.entries()) {
      if (/^File ACL: [1-9]/m.test(files[i]!)) return `${path} has attributes in a block of their own`;
      // Written anew, it would be parted from them.
      if (/^Inode: .* Type: regular\b/m.test(files[i]!) && /^Links: (?!1\b)/m.test(files[i]!))
        return `${path} has other names (hard links)`;
    }
    return undefined;
  }

  /** Writes targets in one run: in a copy of our own, for a disk would be left half written. */
  async change(targets: readonly PlacedTarget[]): Promise<void> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'values-'));
    try {
      const files = targets.filter(({ now, what }) => now && typeof what !== 'string' && 'file' in what);
      const writes = targets.flatMap((target, i) => [
        ...writing(target),
        ...[...target.attributes].map(([name, value], j) => {
          const file = join(folder, `${i}-${j}`);
          writeFileSync(file, value);
          return `ea_set -f ${quote(file)} ${quote(target.inner)} ${quote(name)}`;
        }),
      ]);
      const before = await this.#write([...files.map(({ inner }) => stat(inner)), ...writes]);
      await this.#flag(files.map(({ inner }, i) => ({ inner, flags: flagsIn(before[i]!) & settable })));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Adds what `chattr` had set of files (`+i`) to the flags that a new one has by itself. */
  async #flag(files: readonly { readonly inner: string; readonly flags: number }[]): Promise<void> {
    const flagged = files.filter(({ flags }) => flags !== 0);
    const own = await this.#debugfs(flagged.map(({ inner }) => stat(inner)));
    await this.#write(flagged.map(({ inner, flags }, i) => `sif ${quote(inner)} flags ${flagsIn(own[i]!) | flags}`));
  }

  async #write(commands: readonly string[]): Promise<string[]> {
    if (commands.length === 0) return [];
    const args = ['-w', '-f', '-', this.#device];
    const { stdout, stderr } = await this.#run('debugfs', args, commands, writeMs, { memory: memoryFor(this.place) });
    const problems = messages(stderr);
    if (problems.length > 0) throw new TranshipError('guest.conversion', `debugfs: ${problems.slice(0, 3).join('; ')}`);
    return splitOutputs(stdout, commands);
  }

  /** Changes nothing. */
  async check(): Promise<string | undefined> {
    const bounds = { memory: memoryFor(this.place), file: noFile };
    const { code, stdout, stderr } = await this.#run('e2fsck', ['-f', '-n', this.#device], [], checkMs, bounds);
    if (code === 0) return undefined;
    const lines = [...stdout.split('\n'), ...messages(stderr)].filter(
      (line) => line !== '' && !line.startsWith('Pass '),
    );
    return `e2fsck ends with ${code}: ${lines.slice(0, 3).join('; ')}`;
  }

  get #device(): string {
    return this.place.offset === 0 ? this.place.path : `${this.place.path}?offset=${this.place.offset}`;
  }

  /** Runs commands that read, and write files here of at most `file` bytes each; gives the output of each. */
  async #debugfs(commands: readonly string[], file = noFile): Promise<string[]> {
    if (commands.length === 0) return [];
    const args = ['-f', '-', this.#device];
    const { stdout, stderr } = await this.#run('debugfs', args, commands, readMs, { memory, file });
    const problems = messages(stderr).filter((line) => !/File not found by ext2_lookup/.test(line));
    if (problems.length > 0)
      throw new TranshipError('guest.conversion', `the file system cannot be read: ${problems.slice(0, 3).join('; ')}`);
    return splitOutputs(stdout, commands);
  }

  #run(program: string, args: readonly string[], commands: readonly string[], deadlineMs: number, bounds: Bounds) {
    const input = commands.map((command) => `${command}\n`).join('');
    return run(program, args, { input, deadlineMs, signal: this.#signal, bounds });
  }
}
