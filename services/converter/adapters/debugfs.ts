import { TranshipError } from '@tranship/contracts';
import type { Entry, PlacedTarget } from '../ports.ts';

/** The commands that bring a target about. */
export function writing({ what, mode, uid, gid, now, inner }: PlacedTarget): string[] {
  const at = quote(inner);
  const owned = [`sif ${at} mode 0${mode.toString(8)}`, `sif ${at} uid ${uid}`, `sif ${at} gid ${gid}`];
  if (what === 'folder') return [`mkdir ${at}`, ...owned];
  const removed = now ? [`rm ${at}`] : [];
  if ('link' in what) return [...removed, `symlink ${at} ${quote(what.link)}`];
  return [...removed, `write ${quote(what.file)} ${at}`, ...owned];
}

/** debugfs says its version on the error output, always. */
export const messages = (stderr: string) =>
  stderr.split('\n').filter((line) => line.trim() !== '' && !/^(debugfs|e2fsck) \d/.test(line));

/** A word for debugfs: it knows double quotes alone, doubled within. Throws for what it cannot be told. */
export function quote(word: string): string {
  if (/[\n\0]/.test(word))
    throw new TranshipError('guest.unsupported', `a file name with a line break: ${JSON.stringify(word)}`);
  return `"${word.replaceAll('"', '""')}"`;
}

/** debugfs repeats each command before its output. */
export function splitOutputs(stdout: string, commands: readonly string[]): string[] {
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

/** A folder as `ls -p` prints it, `/inode/mode/uid/gid/name/size/` a line. Throws for a line that is none: a name with a line break. */
export const parseEntries = (output: string): Entry[] => output.split('\n').flatMap(parseEntry);

function parseEntry(line: string): Entry[] {
  if (line === '') return [];
  const match = /^\/(\d+)\/([0-7]{6})\/(-?\d+)\/(-?\d+)\/(.*)\/(\d*)\/$/.exec(line);
  if (!match) throw new TranshipError('guest.malformed', `a folder's entry that is none: ${line.slice(0, 100)}`);
  const [, inode, mode, uid, gid, name, size] = match;
  if (inode === '0') return [];
  return [
    {
      name: name!,
      mode: Number.parseInt(mode!, 8),
      // It prints large ones as negative numbers.
      uid: Number(uid) >>> 0,
      gid: Number(gid) >>> 0,
      size: Number(size),
    },
  ];
}
