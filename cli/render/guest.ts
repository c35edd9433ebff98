import type { Concern, GuestAnswer, InspectFacts, Inspection, InspectResult, StepResult } from '@tranship/contracts';
import type { Terminal } from '../terminal.ts';
import { changeLines, harmless, madeLines } from './changes.ts';
import { styleOf } from './style.ts';
import { table } from './table.ts';
import { bytes } from './units.ts';

type Style = Terminal['style'];
type Found = Omit<InspectFacts, 'files'>;
type Written = Extract<GuestAnswer, { written: string }>['written'];

/** A guest as a person reads of it: what it is, what stands in the way, what is changed. */
export function guestLines(found: Inspection, written: Written, style: Style = (_, text) => text): string[] {
  return [
    ...table([], facts(found)),
    ...block('DISKS', volumeLines(found)),
    ...block(
      'KERNELS',
      table(
        [],
        found.kernels.map((kernel) => [kernel.version, kernel.madeBy, kernel.drivers.join(' ') || '-']),
      ),
    ),
    ...block(
      'NICS',
      table(
        [],
        found.nics.map(({ mac, name, addresses }) => [mac, name, addresses.join(' ')]),
      ),
    ),
    ...block(
      'CONCERNS',
      found.concerns.flatMap((each) => concernLines(each, style)),
    ),
    ...block(written === 'nowhere' ? 'WOULD CHANGE' : 'CHANGED', changeLines(found.changes, style)),
    '',
    verdict(found, found.changes.length, written, style),
  ];
}

/** The same of a copy, as a course inspects it before the power-off. */
export const inspectionLines = (found: InspectResult, style: Style = (_, text) => text): string[] =>
  copyLines(found, found.changes.length, changeLines(found.changes, style), style);

/** The same by a migration's status: of the files their names. */
export function factLines(found: InspectFacts, style: Style = (_, text) => text): string[] {
  const { count, paths } = found.files;
  const more = count > paths.length ? [`… ${count - paths.length} more`] : [];
  return copyLines(found, count, [...paths.map(harmless), ...more], style);
}

function copyLines(found: Found, count: number, files: readonly string[], style: Style): string[] {
  const { os, engine, concerns } = found;
  return [
    [harmless(os.name || os.family), ...(engine === 'none' ? [] : [`to be converted by ${engine}`])].join(', '),
    ...concerns.flatMap((each) => concernLines(each, style)),
    ...block('WOULD CHANGE', files),
    '',
    verdict(found, count, 'nowhere', style),
  ];
}

/** What the conversion of a copy has changed. */
export function conversionLines({ engine, reason, changes }: StepResult<'convert'>, style: Style): string[] {
  return [`CONVERTED BY ${engine.toUpperCase()} (${harmless(reason)})`, ...madeLines(changes, style)];
}

const block = (title: string, lines: readonly string[]) => (lines.length > 0 ? ['', title, ...lines] : []);

function facts({ os, boot, network, fragile, tools, engine }: Inspection): string[][] {
  const rows = [
    ['system', harmless(os.name || os.family)],
    ['version', [os.version, os.arch].filter((each) => each !== '').join(', ')],
    ['boots by', [...boot.ways, ...boot.loaders].join(', ')],
    ['network', network.managers.join(', ')],
    ['fragile', fragile.map(({ file, device }) => `${device} (${file})`).join(', ')],
    ['VMware', tools.join(', ')],
    ['engine', engine],
  ];
  return rows.filter(([, value]) => value !== '');
}

const volumeLines = ({ volumes, mounts }: Inspection) =>
  table(
    [],
    volumes.map(({ place, holds, sizeBytes, freeBytes, label }) => [
      place,
      holds ?? '-',
      bytes(sizeBytes),
      freeBytes === undefined ? '' : `${bytes(freeBytes)} free`,
      mounts.find((mount) => mount.place === place)?.at ?? '',
      label ?? '',
    ]),
  );

const concernLines = ({ category, id, label, why, fix }: Concern, style: Style): string[] => {
  const name = styleOf(category);
  const head = `${category}   ${id}   ${label}`;
  return [name === undefined ? head : style(name, head), `  why: ${harmless(why)}`, `  fix: ${fix}`];
};

function verdict({ supported, os, seconds }: Found, count: number, written: Written, style: Style): string {
  if (!supported) return style('bad', 'it cannot be converted: see the critical concerns');
  if (os.family === 'none') return 'no operating system: nothing is to be converted';
  const files = `${count} ${count === 1 ? 'file' : 'files'}`;
  if (written === 'nowhere')
    return style('good', `it can be converted: ${files} would change (looked through in ${seconds} s)`);
  return style('good', `converted in ${seconds} s: ${files}${written === 'overlay' ? ', in the overlay' : ''}`);
}
