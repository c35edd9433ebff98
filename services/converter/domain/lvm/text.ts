/** A section of LVM's text metadata. */
export type Section = ReadonlyMap<string, Value>;
export type Value = string | number | readonly (string | number)[] | Section;

/** The text is no LVM metadata. */
export class BadMetadata extends Error {
  override readonly name = 'BadMetadata';
}

const maxDepth = 16;
const maxNodes = 200_000;
const token =
  /(?:\s|#[^\n]*(?:\n|$))*(?:("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d+(?:\.\d+)?)|([A-Za-z0-9_.+/-]+)|([{}[\]=,]))/y;

/** Parses `name { key = value … }` as LVM2 writes it. Bounded in depth and size. Throws {@link BadMetadata}. */
export function parseMetadata(text: string): Section {
  const tokens = tokenise(text);
  let at = 0;
  const next = () => tokens[at++];

  const list = (): (string | number)[] => {
    const items: (string | number)[] = [];
    for (;;) {
      const item = next();
      if (item?.kind === ']') return items;
      if (item?.kind === 'value') items.push(item.value);
      else if (item?.kind !== ',') throw new BadMetadata('a list does not end');
    }
  };

  const section = (depth: number): Section => {
    if (depth > maxDepth) throw new BadMetadata('it is nested too deep');
    const found = new Map<string, Value>();
    for (;;) {
      const name = next();
      if (name === undefined || name.kind === '}') {
        if ((name === undefined) !== (depth === 0)) throw new BadMetadata('a section does not end');
        return found;
      }
      if (name.kind !== 'value') throw new BadMetadata('a name is missing');
      const follows = next();
      if (follows?.kind === '{') found.set(String(name.value), section(depth + 1));
      else if (follows?.kind === '=') {
        const value = next();
        if (value?.kind === '[') found.set(String(name.value), list());
        else if (value?.kind === 'value') found.set(String(name.value), value.value);
        else throw new BadMetadata('a value is missing');
      } else throw new BadMetadata('neither a value nor a section');
    }
  };
  return section(0);
}

type Token = { readonly kind: string; readonly value: string | number };

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  for (let from = 0; from < text.length; from = token.lastIndex) {
    token.lastIndex = from;
    const match = token.exec(text);
    if (!match) {
      if (/^(?:\s|\0|#[^\n]*(?:\n|$))*$/.test(text.slice(from))) break;
      throw new BadMetadata(`it cannot be read at ${from}`);
    }
    const [, quoted, number, word, sign] = match;
    if (tokens.length >= maxNodes) throw new BadMetadata('it is too long');
    if (quoted !== undefined) tokens.push({ kind: 'value', value: quoted.slice(1, -1).replace(/\\(.)/g, '$1') });
    // `3d` is a name that begins as a number does.
    else if (number !== undefined && !/[A-Za-z_.+/-]/.test(text[token.lastIndex] ?? ' '))
      tokens.push({ kind: 'value', value: Number(number) });
    else if (number !== undefined) {
      const rest = /[A-Za-z0-9_.+/-]*/y;
      rest.lastIndex = token.lastIndex;
      const tail = rest.exec(text)![0];
      tokens.push({ kind: 'value', value: number + tail });
      token.lastIndex += tail.length;
    } else if (word !== undefined) tokens.push({ kind: 'value', value: word });
    else tokens.push({ kind: sign!, value: sign! });
  }
  return tokens;
}

export const sectionIn = (section: Section | undefined, key: string): Section | undefined => {
  const value = section?.get(key);
  return value instanceof Map ? value : undefined;
};

export const numberIn = (section: Section | undefined, key: string): number | undefined => {
  const value = section?.get(key);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
};

export const textIn = (section: Section | undefined, key: string): string | undefined => {
  const value = section?.get(key);
  return typeof value === 'string' ? value : undefined;
};

export const listIn = (section: Section | undefined, key: string): readonly (string | number)[] => {
  const value = section?.get(key);
  return Array.isArray(value) ? value : [];
};
