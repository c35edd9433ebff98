import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { run } from '../../lab/setup/shell.ts';
import type { Story } from '../story.ts';
import type { Disk } from './judge.ts';

const mib = 1024 ** 2;

/** The VM that all rows move: of its first disk 384 MiB are in use, in one piece. See world.yaml. */
export const vmName = 'matrix-01';
const inUse = 384 * mib;
/** What its guest writes again between the passes: nothing is in use that was not before. */
const rewritten = { delta: [0, 320 * mib], final: [inUse - 320 * mib, 320 * mib] } as const;

interface Listed {
  readonly vm: string;
  readonly id: string;
  readonly file: string;
  readonly path: string;
  readonly snapshot?: string;
  readonly capacity: number;
}

/** The source as it is seen from outside: its files, its snapshots, and what nbdkits have read of it. */
export class Source {
  readonly #story: Story;

  constructor(story: Story) {
    this.#story = story;
  }

  async snapshots(): Promise<number> {
    return (await this.#listed()).filter(({ snapshot }) => snapshot !== undefined).length;
  }

  async live(): Promise<Listed[]> {
    return (await this.#listed()).filter(({ snapshot }) => snapshot === undefined);
  }

  /** What is to be read of each disk, by what its file takes up now. */
  async disks(): Promise<Disk[]> {
    const used = async ({ path, capacity }: Listed, i: number): Promise<Disk> => ({
      sizeBytes: capacity,
      due: {
        copy: await usedBytes(path),
        prove: 0,
        delta: i === 0 ? rewritten.delta[1] : 0,
        final: i === 0 ? rewritten.final[1] : 0,
      },
    });
    return Promise.all((await this.live()).map(used));
  }

  /** Bytes that nbdkit was asked for, by disk, since the lab began. */
  async read(): Promise<number[]> {
    const reads = await this.#story.reads();
    return (await this.live()).map(({ id, file }) =>
      reads
        .filter((each) => each.vm === id && stem(each.file) === stem(file))
        .reduce((sum, { bytes }) => sum + bytes, 0),
    );
  }

  /** Its guest writes; the bytes are new ones each time. */
  async write(when: keyof typeof rewritten): Promise<void> {
    const [offset, length] = rewritten[when];
    const file = openSync((await this.live())[0]!.path, 'r+');
    for (let at = 0; at < length; at += mib) writeSync(file, randomBytes(mib), 0, mib, offset + at);
    closeSync(file);
  }

  async #listed(): Promise<Listed[]> {
    const answer = await fetch(`${this.#story.lab.vcsim.control}/disks`, { signal: AbortSignal.timeout(10_000) });
    return ((await answer.json()) as Listed[]).filter(({ vm }) => vm === vmName);
  }
}

/** By its map: what a file takes up has blocks in it that the file system notes its extents in. */
async function usedBytes(path: string): Promise<number> {
  const map = await run('qemu-img', ['map', '-f', 'raw', '--output=json', path], { deadlineMs: 60_000 });
  const extents = JSON.parse(map) as { data: boolean; length: number }[];
  return extents.filter(({ data }) => data).reduce((sum, { length }) => sum + length, 0);
}

/** A disk's file has another name with each snapshot. */
const stem = (file: string) => file.replace(/(-\d{6})?\.vmdk$/, '');
