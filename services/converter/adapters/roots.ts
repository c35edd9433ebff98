import { open } from 'node:fs/promises';
import { Ledger } from '@tranship/blocks';
import { type StepInput, sumsOf } from '@tranship/contracts';
import type { RootsOf } from '../acts/convert.ts';

type Input = Pick<StepInput<'convert'>, 'vm' | 'disks' | 'grade'>;

/** Roots by the ledgers on the scratch volume: only the leaves that were changed are read. A disk whose ledger is not there has none. */
export const rootsOf =
  (scratchDir: string, { vm, disks, grade }: Input, warn: (message: string) => void): RootsOf =>
  async (changed) => {
    const found = await Promise.all(
      changed.map(async ({ disk: index, path, ranges }) => {
        const { key, sizeBytes, claim } = disks.find((disk) => disk.index === index)!;
        const ledger = await Ledger.open(scratchDir, { vm, disk: index, key, sizeBytes, claim, sums: sumsOf(grade) });
        const image = await open(path, 'r');
        try {
          const read = async (offset: number, target: Buffer) => {
            for (let at = 0; at < target.length; ) {
              const { bytesRead } = await image.read(target, at, target.length - at, offset + at);
              if (bytesRead === 0) throw new Error(`${path} ends at ${offset + at}`);
              at += bytesRead;
            }
          };
          const after = await ledger.rootAfter(ranges, read);
          if (!after) warn(`disk ${index} has no ledger: its proof will not say what it is after the conversion`);
          return after ? [{ index, ...after }] : [];
        } finally {
          await Promise.all([image.close(), ledger.close()]);
        }
      }),
    );
    return found.flat();
  };
