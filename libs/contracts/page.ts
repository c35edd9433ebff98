import { TranshipError } from './errors.ts';

export interface Page<T> {
  items: T[];
  /** Hand it back to get what follows; absent on the last page. */
  continue?: string;
}

/** A page of `items` in the order of `nameOf`; stable while items come and go. It has fewer than `limit` where they weigh more than `most`, but one at least. */
export function pageOf<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { limit, continue: token }: { limit: number; continue?: string | undefined },
  { weightOf, most }: { weightOf: (item: T) => number; most: number } = { weightOf: () => 0, most: 0 },
): Page<T> {
  const after = token === undefined ? undefined : decode(token);
  const sorted = items
    .filter((item) => after === undefined || nameOf(item) > after)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const page: T[] = [];
  let weight = 0;
  for (const item of sorted.slice(0, limit)) {
    weight += weightOf(item);
    if (weight > most && page.length > 0) break;
    page.push(item);
  }
  const last = page.at(-1);
  return sorted.length > page.length && last !== undefined
    ? { items: page, continue: Buffer.from(`>${nameOf(last)}`).toString('base64url') }
    : { items: page };
}

function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (text.startsWith('>')) return text.slice(1);
  throw new TranshipError('document.invalid', 'continue: not a token of an earlier answer', { path: 'continue' });
}
