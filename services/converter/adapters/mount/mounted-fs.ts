import { chownSync, lchownSync } from 'node:fs';
import type { Attributes, PlacedTarget } from '../../ports.ts';
import { FolderFs } from '../folder-fs.ts';
import { run } from '../run.ts';

const deadlineMs = 30_000;

/** A guest's file system that the kernel has mounted: owners and labels count. */
export class MountedFs extends FolderFs {
  readonly #signal: AbortSignal;

  constructor(root: string, scratch: string, signal: AbortSignal) {
    super(root, scratch);
    this.#signal = signal;
  }

  override async attributes(paths: readonly string[] = []): Promise<Map<string, Attributes>> {
    const found = new Map<string, Attributes>();
    for (const path of paths) {
      const here = this.resolve(path, false);
      if (here === undefined) continue;
      const args = ['-h', '-d', '-m', '-', '-e', 'base64', '--absolute-names', '--', here];
      const { stdout } = await run('getfattr', args, { deadlineMs, signal: this.#signal });
      const own = [...stdout.matchAll(/^([a-z]+\.[^=\s]+)=0s(.*)$/gm)].map(([, name, value]): [string, Buffer] => [
        name!,
        Buffer.from(value!, 'base64'),
      ]);
      if (own.length > 0) found.set(path, new Map(own));
    }
    return found;
  }

  protected override async finish(here: string, { what, uid, gid, attributes }: PlacedTarget): Promise<void> {
    if (typeof what !== 'string' && 'link' in what) lchownSync(here, uid, gid);
    else chownSync(here, uid, gid);
    for (const [name, value] of attributes) {
      const args = ['-h', '-n', name, '-v', `0s${value.toString('base64')}`, '--', here];
      const { code, stderr } = await run('setfattr', args, { deadlineMs, signal: this.#signal });
      if (code !== 0) throw new Error(`setfattr: ${stderr.trim()}`);
    }
  }
}
