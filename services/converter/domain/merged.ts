export interface Place {
  readonly offset: number;
  readonly length: number;
}

const mostBytes = 8 * 1024 ** 2;

/** The same bytes in as few places as may be, in their order, none longer than 8 MiB. */
export function merged(places: readonly Place[]): Place[] {
  const found: { offset: number; end: number }[] = [];
  for (const { offset, length } of [...places].sort((a, b) => a.offset - b.offset)) {
    const last = found.at(-1);
    const end = offset + length;
    if (last && offset <= last.end) last.end = Math.max(last.end, end);
    else if (length > 0) found.push({ offset, end });
  }
  return found.flatMap(({ offset, end }) => {
    const parts: Place[] = [];
    for (let at = offset; at < end; at += mostBytes) parts.push({ offset: at, length: Math.min(mostBytes, end - at) });
    return parts;
  });
}
