import { BadMetadata, listIn, numberIn, parseMetadata, type Section, sectionIn, textIn } from './text.ts';

/** A run of bytes on a physical volume. */
export interface Piece {
  /** UUID of the physical volume. */
  readonly pv: string;
  readonly offset: number;
  readonly length: number;
}

export interface LogicalVolume {
  readonly group: string;
  readonly name: string;
  /** linear, striped, thin, raid1, mirror, cache, snapshot …; `mixed`: segments of several kinds. */
  readonly kind: string;
  readonly sizeBytes: number;
  /** Of linear volumes alone, in order; runs that touch are one. */
  readonly pieces: readonly Piece[];
}

const sector = 512;
const maxVolumes = 1024;
const maxSegments = 4096;

/** The visible logical volumes of a group, from its metadata. Throws {@link BadMetadata}. */
export function logicalVolumes(text: string): LogicalVolume[] {
  const [name, group] = [...parseMetadata(text)].find(([, value]) => value instanceof Map) ?? [];
  if (name === undefined || !(group instanceof Map)) throw new BadMetadata('it names no volume group');
  const extent = (numberIn(group, 'extent_size') ?? 0) * sector;
  if (extent === 0) throw new BadMetadata('it has no extent size');
  const physical = new Map<string, { uuid: string; start: number }>();
  for (const [key, pv] of sectionIn(group, 'physical_volumes') ?? [])
    if (pv instanceof Map)
      physical.set(key, { uuid: textIn(pv, 'id') ?? '', start: (numberIn(pv, 'pe_start') ?? 0) * sector });
  const logical = [...(sectionIn(group, 'logical_volumes') ?? [])].slice(0, maxVolumes);
  return logical.flatMap(([key, lv]): LogicalVolume[] =>
    lv instanceof Map && listIn(lv, 'status').includes('VISIBLE') ? [volume(name, key, lv, extent, physical)] : [],
  );
}

type Physical = ReadonlyMap<string, { readonly uuid: string; readonly start: number }>;

function volume(group: string, name: string, lv: Section, extent: number, physical: Physical): LogicalVolume {
  const segments = [...lv]
    .flatMap(([key, value]) => (/^segment\d+$/.test(key) && value instanceof Map ? [value] : []))
    .slice(0, maxSegments)
    .sort((a, b) => (numberIn(a, 'start_extent') ?? 0) - (numberIn(b, 'start_extent') ?? 0));
  const kinds = [...new Set(segments.map(kindOf))];
  const kind = kinds.length === 1 ? kinds[0]! : 'mixed';
  const counts = segments.map((segment) => numberIn(segment, 'extent_count') ?? 0);
  const sizeBytes = counts.reduce((a, b) => a + b, 0) * extent;
  const pieces = kind === 'linear' ? joined(segments.map((segment) => piece(segment, extent, physical))) : [];
  return { group, name, kind, sizeBytes, pieces };
}

/** LVM calls a linear segment striped, over one stripe. */
function kindOf(segment: Section): string {
  const type = textIn(segment, 'type') ?? 'unknown';
  return type === 'striped' && numberIn(segment, 'stripe_count') === 1 ? 'linear' : type;
}

function piece(segment: Section, extent: number, physical: Physical): Piece {
  const [pv, first] = listIn(segment, 'stripes');
  const found = physical.get(String(pv));
  if (!found || typeof first !== 'number' || !Number.isSafeInteger(first) || first < 0)
    throw new BadMetadata('a segment lies nowhere');
  return {
    pv: found.uuid,
    offset: found.start + first * extent,
    length: (numberIn(segment, 'extent_count') ?? 0) * extent,
  };
}

function joined(pieces: readonly Piece[]): Piece[] {
  const runs: Piece[] = [];
  for (const each of pieces) {
    const last = runs.at(-1);
    if (last && last.pv === each.pv && last.offset + last.length === each.offset)
      runs[runs.length - 1] = { ...last, length: last.length + each.length };
    else runs.push(each);
  }
  return runs;
}

/** Names of a logical volume in the guest: `/dev/group/name` and device-mapper's, where dashes are doubled. */
export const lvNames = ({ group, name }: { group: string; name: string }): string[] => [
  `/dev/${group}/${name}`,
  `/dev/mapper/${group.replaceAll('-', '--')}-${name.replaceAll('-', '--')}`,
];
