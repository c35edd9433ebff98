const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` signs, filled to `share` (0 to 1) in steps of an eighth of a sign. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const whole = '█'.repeat(Math.floor(filled / 8)) + eighths[filled % 8]!;
  return whole + '░'.repeat(width - [...whole].length);
}

/** ` 52%`, never 100 before the end. */
export const percent = (done: number, total: number): string =>
  `${total === 0 ? 100 : done >= total ? 100 : Math.min(99, Math.floor((done / total) * 100))}%`.padStart(4);
