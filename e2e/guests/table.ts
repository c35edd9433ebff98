import { fileSystems, firmwares, type Layout, type System, volumes } from '../../lab/guests/layout.ts';
import { managers } from '../../lab/guests/network.ts';

/** What guests are installed from. */
export const systems = {
  'debian-12': { release: 'bookworm', maker: 'initramfs-tools' },
  'debian-13': { release: 'trixie', maker: 'initramfs-tools' },
  'debian-13-dracut': { release: 'trixie', maker: 'dracut' },
} as const satisfies Record<string, Omit<System, 'manager'>>;

/** The matrix: one value of each makes a guest. */
const dimensions = {
  system: Object.keys(systems) as (keyof typeof systems)[],
  firmware: firmwares,
  fileSystem: fileSystems,
  volume: volumes,
  manager: managers,
  nics: [1, 3],
} as const;

export interface Cell extends Layout, Pick<System, 'manager'> {
  readonly system: keyof typeof systems;
  readonly nics: 1 | 3;
}

export const nameOf = ({ system, firmware, fileSystem, volume, manager, nics }: Cell): string =>
  [system, firmware, fileSystem, volume, manager, nics].join('/');

/** Every guest that can be made. */
export const product: readonly Cell[] = dimensions.system.flatMap((system) =>
  dimensions.firmware.flatMap((firmware) =>
    dimensions.fileSystem.flatMap((fileSystem) =>
      dimensions.volume.flatMap((volume) =>
        dimensions.manager.flatMap((manager) =>
          dimensions.nics.map((nics) => ({ system, firmware, fileSystem, volume, manager, nics })),
        ),
      ),
    ),
  ),
);

/** Few guests in which every two values meet: each next one has most pairs that no other had. */
export function covering(cells: readonly Cell[] = product): Cell[] {
  const all = cells.map((cell) => ({ cell, own: pairs(cell) }));
  const open = new Set(all.flatMap(({ own }) => own));
  const chosen: Cell[] = [];
  while (open.size > 0) {
    const gains = all.map(({ own }) => own.filter((pair) => open.has(pair)).length);
    const best = all[gains.indexOf(Math.max(...gains))]!;
    chosen.push(best.cell);
    for (const pair of best.own) open.delete(pair);
  }
  return chosen;
}

export function pairs(cell: Cell): string[] {
  const values = nameOf(cell).split('/');
  return values.flatMap((a, i) => values.slice(i + 1).map((b, j) => `${i}:${a} ${i + 1 + j}:${b}`));
}

/**
 * The guests that words ask for: none, those of the cover; `all`, every one; else those of the cover that have all these
 * values, or the first of all where none has. @throws RangeError that names a word that is no value
 */
export function cellsOf(words: readonly string[]): Cell[] {
  if (words.includes('all')) return [...product];
  const values = words.flatMap((word) => word.split('/')).filter((word) => word !== '');
  const known = new Set(Object.values(dimensions).flat().map(String));
  const unknown = values.filter((value) => !known.has(value));
  if (unknown.length > 0) throw new RangeError(`no guest has ${unknown.join(', ')}: ${[...known].join(', ')}`);
  const fits = (cell: Cell) => values.every((value) => nameOf(cell).split('/').includes(value));
  const [cover, first] = [covering().filter(fits), product.find(fits)];
  if (!first) throw new RangeError(`no guest is all of ${values.join(', ')}`);
  return cover.length > 0 ? cover : [first];
}
