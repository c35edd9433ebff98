const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1.5 GiB`: three digits at most. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < steps.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${steps[unit]}`;
}

/** `310 MB/s`, as networks and disks are told. */
export const rate = (bytesPerSecond: number): string =>
  bytesPerSecond >= 9.95e6
    ? `${Math.round(bytesPerSecond / 1e6)} MB/s`
    : `${(bytesPerSecond / 1e6).toFixed(bytesPerSecond >= 0.95e6 ? 1 : 2)} MB/s`;

/** `45s`, `2m05s`, `3h07m`, `4d02h`: the two largest parts. */
export function duration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  if (total < 60) return `${total}s`;
  if (total < 3_600) return `${Math.floor(total / 60)}m${two(total % 60)}s`;
  if (total < 86_400) return `${Math.floor(total / 3_600)}h${two(Math.floor((total % 3_600) / 60))}m`;
  return `${Math.floor(total / 86_400)}d${two(Math.floor((total % 86_400) / 3_600))}h`;
}

/** Age of a moment, as kubectl shows it; `-` where none is known. */
export const age = (moment: string | undefined, now: number): string =>
  moment === undefined ? '-' : duration(now - Date.parse(moment));
