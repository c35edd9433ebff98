import type { Report } from './report.ts';
import type { Cell } from './table.ts';

/** What the converter said. */
export interface Conversion {
  readonly engine: string;
  readonly seconds: number;
  /** Why it was not done. */
  readonly refusal?: string;
  /** Files that a second conversion would change. */
  readonly again: readonly string[];
}

/** One guest, as it was seen before and after. */
export interface Course {
  readonly cell: Cell;
  /** On VMware's hardware. */
  readonly before?: Seen;
  /** On KubeVirt's, not converted. */
  readonly unconverted?: Seen;
  readonly conversion?: Conversion;
  /** On KubeVirt's, converted. */
  readonly after?: Seen;
  /** What went wrong with the trial itself. */
  readonly error?: string;
}

export interface Seen {
  readonly outcome: string;
  readonly seconds: number;
  readonly report: Report;
  /** What its console showed last. */
  readonly tail: readonly string[];
}

/** What was promised of a guest and not kept; also what makes the trial prove nothing. */
export function judge(course: Course): string[] {
  const { cell, before, unconverted, conversion, after, error } = course;
  if (error !== undefined) return [error];
  if (before?.outcome !== 'up') return [`the guest does not boot on VMware's hardware: ${before?.outcome}`];
  const source = [
    ...before.report.nics.flatMap(({ name, driver }) => (driver === 'vmxnet3' ? [] : [`${name} is no vmxnet3 before`])),
    ...(before.report.nics.length === cell.nics ? [] : [`it has ${before.report.nics.length} NICs before`]),
    ...before.report.nics.flatMap(({ name, addresses }) =>
      addresses.length > 0 ? [] : [`${name} has no address before`],
    ),
    ...(before.report.ping ? [] : ['its gateway does not answer before']),
  ];
  if (source.length > 0) return source;
  if (unconverted?.outcome !== 'stuck')
    return [`not converted it is expected to find no disk on KubeVirt's hardware: it is ${unconverted?.outcome}`];
  if (!conversion || conversion.refusal !== undefined) return [`not converted: ${conversion?.refusal}`];
  const again = conversion.again.map((path) => `a second conversion would change ${path}`);
  if (after?.outcome !== 'up') return [...again, `converted it does not boot: ${after?.outcome}`];
  return [...again, ...compare(before.report, after.report)];
}

/** Same names, addresses, mounts; no unit failed that had not failed before. */
export function compare(before: Report, after: Report): string[] {
  const nics = before.nics.flatMap(({ mac, name, addresses }) => {
    const now = after.nics.find((each) => each.mac === mac);
    if (!now) return [`${name} (${mac}) is gone`];
    return [
      ...(now.name === name ? [] : [`${name} is now ${now.name}`]),
      ...(now.driver === 'virtio_net' ? [] : [`${name} is driven by ${now.driver}`]),
      ...(sorted(now.addresses) === sorted(addresses)
        ? []
        : [`${name} had ${sorted(addresses)}, now ${sorted(now.addresses) || 'nothing'}`]),
    ];
  });
  return [
    ...nics,
    ...differing('mount', before.mounts, after.mounts),
    ...differing('swap', before.swaps, after.swaps),
    ...(before.ping && !after.ping ? ['its gateway does not answer any more'] : []),
    ...after.failedUnits.flatMap((unit) => (before.failedUnits.includes(unit) ? [] : [`${unit} failed`])),
  ];
}

const sorted = (words: readonly string[]) => [...words].sort().join(' ');

function differing(what: string, before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((each) => !after.includes(each)).map((each) => `${what} ${each} is gone`),
    ...after.filter((each) => !before.includes(each)).map((each) => `${what} ${each} is new`),
  ];
}
