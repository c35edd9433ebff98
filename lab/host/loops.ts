import { statSync } from 'node:fs';
import { run } from '../setup/shell.ts';

const deadlineMs = 10_000;

/** As `losetup --json` tells it. */
export interface Loop {
  readonly name: string;
  readonly 'back-file': string | null;
  readonly 'back-ino': number | string;
  /** Of the file system on which the file lies. */
  readonly 'back-maj:min': string;
}

/** Detaches the loop devices of files below a folder, and those that a kubelet made over them. */
export async function detachLoops(dir: string): Promise<void> {
  const ask = ['--list', '--json', '--output', 'NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN'];
  const told = await run('losetup', ask, { deadlineMs }).catch(() => '');
  const loops = told === '' ? [] : (JSON.parse(told) as { loopdevices: Loop[] }).loopdevices;
  for (const name of below(dir, loops, placeOf)) await run('losetup', ['--detach', name], { deadlineMs });
}

/**
 * A kubelet holds a volume of mode Block by a loop device over the volume's. The file of that one is a mount of the device
 * in namespaces that may be gone: its path tells nothing, its inode does. Uppermost first.
 */
export function below(dir: string, loops: readonly Loop[], place: (file: string) => string): string[] {
  const volumes = loops.filter((each) => each['back-file']?.startsWith(`${dir}/`));
  const devices = new Set(volumes.map(({ name }) => place(name)));
  const over = loops.filter((each) => devices.has(`${each['back-maj:min'].trim()} ${each['back-ino']}`));
  return [...new Set([...over, ...volumes])].map(({ name }) => name);
}

/** The file system's number and the inode, as `losetup` tells them of a file. */
function placeOf(file: string): string {
  const { dev, ino } = statSync(file);
  // As the kernel packs the two into what stat gives.
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  return `${major}:${minor} ${ino}`;
}
