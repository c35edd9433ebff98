import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Attributes, Entry, PlacedTarget, WritableFs } from '../ports.ts';
import { run } from './run.ts';

/** Where a file system lies. */
export interface Place {
  /** A raw file or a block device. */
  readonly path: string;
  readonly offset: number;
}

const readMs = 60_000;
const writeMs = 300_000;
const checkMs = 1_800_000;

/** An ext2, ext3 or ext4 file system, read and written by e2fsprogs: without mounting, without rights. */
export class ExtFs implements WritableFs {
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
        const entries = output.split('\n').flatMap(parseEntry);
        return entries.length > 0 ? [[folders[i]!, entries] as const] : [];
      }),
    );
  }

  async dump(files: readonly string[]): Promise<{ folder: string; files: Map<string, string> }> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'dump-'));
    const local = (i: number) => join(folder, String(i));
    try {
      await this.#debugfs(files.map((file, i) => `dump ${quote(file)} ${quote(local(i))}`));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return {
      folder,
      files: new Map(files.flatMap((file, i) => (existsSync(local(i)) ? [[file, local(i)] as const] : []))),
    };
  }

  async attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    const outputs = await this.#debugfs(paths.map((path) => `ea_list ${quote(path)}`));
    const wanted = outputs.flatMap((output, i) =>
      [...output.matchAll(/^ {2}([a-z]+\.\S+) \(\d+\)/gm)].flatMap(([, name]) =>
        name === 'system.data' ? [] : [{ path: paths[i]!, name: name! }],
      ),
    );
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'attributes-'));
    try {
      const local = (i: number) => join(folder, String(i));
      await this.#debugfs(wanted.map(({ path, name }, i) => `ea_get -f ${quote(local(i))} ${quote(path)} ${name}`));
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

  /** Writes targets in one run; what they write over goes to the undo log first. Throws `guest.conversion` when any fails. */
  async write(targets: readonly PlacedTarget[], undoLog: string): Promise<void> {
    mkdirSync(this.#scratch, { recursive: true });
    const folder = mkdtempSync(join(this.#scratch, 'values-'));
    try {
      const commands = targets.flatMap((target, i) => [
        ...writing(target),
        ...[...target.attributes].map(([name, value], j) => {
          const file = join(folder, `${i}-${j}`);
          writeFileSync(file, value);
          return `ea_set -f ${quote(file)} ${quote(target.inner)} ${name}`;
        }),
      ]);
      const { stderr } = await this.#run('debugfs', ['-w', '-z', undoLog, '-f', '-', this.#device], commands, writeMs);
      const problems = messages(stderr);
      if (problems.length > 0)
        throw new TranshipError('guest.conversion', `debugfs: ${problems.slice(0, 3).join('; ')}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Changes nothing. */
  async check(): Promise<string | undefined> {
    const { code, stdout, stderr } = await this.#run('e2fsck', ['-f', '-n', this.#device], [], checkMs);
    if (code === 0) return undefined;
    const lines = [...stdout.split('\n'), ...messages(stderr)].filter(
      (line) => line !== '' && !line.startsWith('Pass '),
    );
    return `e2fsck ends with ${code}: ${lines.slice(0, 3).join('; ')}`;
  }

  get #device(): string {
    return this.place.offset === 0 ? this.place.path : `${this.place.path}?offset=${this.place.offset}`;
  }

  /** Runs commands that read; gives the output of each. */
  async #debugfs(commands: readonly string[]): Promise<string[]> {
    if (commands.length === 0) return [];
    const { stdout, stderr } = await this.#run('debugfs', ['-f', '-', this.#device], commands, readMs);
    const problems = messages(stderr).filter((line) => !/File not found by ext2_lookup/.test(line));
    if (problems.length > 0)
      throw new TranshipError('guest.conversion', `the file system cannot be read: ${problems.slice(0, 3).join('; ')}`);
    return splitOutputs(stdout, commands);
  }

  #run(program: string, args: readonly string[], commands: readonly string[], deadlineMs: number) {
    const input = commands.map((command) => `${command}\n`).join('');
    return run(program, args, { input, deadlineMs, signal: this.#signal });
  }
}

function writing({ what, mode, uid, gid, now, inner }: PlacedTarget): string[] {
  const at = quote(inner);
  const owned = [`sif ${at} mode 0${mode.toString(8)}`, `sif ${at} uid ${uid}`, `sif ${at} gid ${gid}`];
  if (what === 'folder') return [`mkdir ${at}`, ...owned];
  const removed = now ? [`rm ${at}`] : [];
  if ('link' in what) return [...removed, `symlink ${at} ${quote(what.link)}`];
  return [...removed, `write ${quote(what.file)} ${at}`, ...owned];
}

/** debugfs says its version on the error output, always. */
const messages = (stderr: string) =>
  stderr.split('\n').filter((line) => line.trim() !== '' && !/^(debugfs|e2fsck) \d/.test(line));

/** A word for debugfs: it knows double quotes alone, doubled within. Throws for what it cannot be told. */
export function quote(word: string): string {
  if (/[\n\0]/.test(word))
    throw new TranshipError('guest.unsupported', `a file name with a line break: ${JSON.stringify(word)}`);
  return `"${word.replaceAll('"', '""')}"`;
}

/** debugfs repeats each command before its output. */
function splitOutputs(stdout: string, commands: readonly string[]): string[] {
  const outputs: string[] = [];
  let at = 0;
  for (const [i, command] of commands.entries()) {
    const echo = `debugfs: ${command}\n`;
    const start = stdout.indexOf(echo, at);
    if (start < 0) throw new TranshipError('guest.conversion', `debugfs did not come to: ${command}`);
    if (i > 0) outputs.push(stdout.slice(at, start));
    at = start + echo.length;
  }
  return [...outputs, stdout.slice(at)];
}

/** `/inode/mode/uid/gid/name/size/` */
function parseEntry(line: string): Entry[] {
  const match = /^\/(\d+)\/([0-7]{6})\/(\d+)\/(\d+)\/(.*)\/(\d*)\/$/.exec(line);
  if (!match || match[1] === '0') return [];
  const [, , mode, uid, gid, name, size] = match;
  return [
    {
      name: name!,
      mode: Number.parseInt(mode!, 8),
      uid: Number(uid),
      gid: Number(gid),
      size: Number(size),
    },
  ];
}
