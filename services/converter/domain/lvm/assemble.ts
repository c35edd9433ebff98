import type { Read } from '../read.ts';
import { identify } from '../superblock.ts';
import type { Unreached, Volume } from '../volumes.ts';
import { readPhysicalVolume } from './label.ts';
import { BadMetadata } from './text.ts';
import { type LogicalVolume, logicalVolumes } from './volumes.ts';

export interface Assembled {
  readonly volumes: readonly Volume[];
  readonly unreached: readonly Unreached[];
  /** Physical volumes whose metadata makes no sense. */
  readonly broken: readonly string[];
}

/** Finds the logical volumes on the physical ones among `volumes`. `readOf` reads a disk. */
export function assemble(volumes: readonly Volume[], readOf: (disk: number) => Read): Assembled {
  const physical = volumes.flatMap((volume) => {
    if (volume.fileSystem?.kind !== 'lvm') return [];
    const found = readPhysicalVolume(readOf(volume.disk), volume.offset);
    return found ? [{ ...found, volume }] : [];
  });
  const groups = new Map<string, LogicalVolume[]>();
  const broken: string[] = [];
  for (const { uuid, text } of physical) {
    if (text === undefined) continue;
    try {
      // Every physical volume of a group keeps the same text.
      for (const lv of logicalVolumes(text))
        groups.set(lv.group, [...(groups.get(lv.group) ?? []).filter(({ name }) => name !== lv.name), lv]);
    } catch (error) {
      if (!(error instanceof BadMetadata)) throw error;
      broken.push(`${uuid}: ${error.message}`);
    }
  }
  const reached: Volume[] = [];
  const unreached: Unreached[] = [];
  for (const { group, name, kind, sizeBytes, pieces } of [...groups.values()].flat()) {
    const [run] = pieces;
    const pv = physical.find(({ uuid }) => uuid === run?.pv)?.volume;
    const why =
      kind !== 'linear'
        ? `it is ${kind}`
        : pieces.length !== 1
          ? `it lies in ${pieces.length} runs`
          : !pv
            ? 'its physical volume is on none of the disks'
            : run!.offset + run!.length > pv.length
              ? 'it reaches beyond its physical volume'
              : undefined;
    if (why !== undefined) unreached.push({ group, name, kind, why });
    else {
      const offset = pv!.offset + run!.offset;
      const fileSystem = identify(readOf(pv!.disk), offset, sizeBytes);
      reached.push({
        disk: pv!.disk,
        offset,
        length: sizeBytes,
        lv: { group, name },
        ...(fileSystem ? { fileSystem } : {}),
      });
    }
  }
  return { volumes: reached, unreached, broken };
}
