/** A value of the registry: its type by Windows' number, and its bytes. */
export interface RegistryValue {
  readonly type: number;
  readonly data: Buffer;
}

/** Values that a key of a hive shall have, by their names; `''` is the default one. */
export interface KeyEdit {
  readonly key: string;
  readonly values: Readonly<Record<string, RegistryValue>>;
}

/** What is known of a hive before it is edited. */
interface Known {
  has(path: string): boolean;
  raw(path: string, name: string): RegistryValue | undefined;
}

const types = { sz: 1, expand: 2, binary: 3, dword: 4, multi: 7 } as const;

const text = (value: string) => Buffer.from(`${value}\0`, 'utf16le');
export const sz = (value: string): RegistryValue => ({ type: types.sz, data: text(value) });
export const expand = (value: string): RegistryValue => ({ type: types.expand, data: text(value) });
export const multi = (...values: string[]): RegistryValue => ({
  type: types.multi,
  data: Buffer.concat([...values.map(text), text('')]),
});
export const binary = (...data: Uint8Array[]): RegistryValue => ({ type: types.binary, data: Buffer.concat(data) });
export const dword = (value: number): RegistryValue => {
  const data = Buffer.alloc(4);
  data.writeUInt32LE(value);
  return { type: types.dword, data };
};

/** The texts of a value of type REG_MULTI_SZ. */
export const texts = ({ data }: RegistryValue): string[] =>
  data
    .toString('utf16le')
    .split('\0')
    .filter((each) => each !== '');

/** The edits without what the hive holds already. */
export const missing = (hive: Known, edits: readonly KeyEdit[]): KeyEdit[] =>
  edits.flatMap(({ key, values }) => {
    const open = Object.entries(values).filter(([name, value]) => !same(hive.raw(key, name), value));
    return open.length > 0 ? [{ key, values: Object.fromEntries(open) }] : [];
  });

const same = (now: RegistryValue | undefined, wanted: RegistryValue) =>
  now !== undefined && now.type === wanted.type && now.data.equals(wanted.data);

/** The edits as hivexregedit merges them: in bytes, with every key that is not there named before those below it. */
export function mergeText(hive: Known, edits: readonly KeyEdit[], prefix: string): string {
  const known = new Set<string>();
  const above = (key: string) => key.split('\\').map((_, i, parts) => parts.slice(0, i + 1).join('\\'));
  const blocks = edits.flatMap(({ key, values }) => {
    const fresh = above(key)
      .slice(0, -1)
      .filter((each) => !known.has(each.toLowerCase()) && !hive.has(each));
    for (const each of [...fresh, key]) known.add(each.toLowerCase());
    const lines = Object.entries(values).map(
      ([name, { type, data }]) => `${named(name)}=hex(${type.toString(16)}):${bytes(data)}`,
    );
    return [...fresh.map((each) => `[${prefix}\\${each}]\n`), [`[${prefix}\\${key}]`, ...lines, ''].join('\n')];
  });
  return `${blocks.join('\n')}\n`;
}

/** The values named by the edits as a person reads them: as they shall be, or as the hive has them. */
export function shownText(edits: readonly KeyEdit[], prefix: string, now?: Known): string {
  const blocks = edits.flatMap(({ key, values }) => {
    const lines = Object.entries(values).flatMap(([name, wanted]) => {
      const value = now ? now.raw(key, name) : wanted;
      return value ? [`${named(name)}=${shown(value)}`] : [];
    });
    return now && !now.has(key) ? [] : [[`[${prefix}\\${key}]`, ...lines, ''].join('\n')];
  });
  return blocks.join('\n');
}

function shown(value: RegistryValue): string {
  const { type, data } = value;
  if (type === types.dword && data.length === 4) return `dword:${data.readUInt32LE(0).toString(16).padStart(8, '0')}`;
  if (type === types.sz || type === types.expand)
    return `${type === types.sz ? '' : 'expand:'}${quoted(data.toString('utf16le').replace(/\0.*$/s, ''))}`;
  if (type === types.multi) return `multi:${texts(value).map(quoted).join(',')}`;
  return `hex${type === types.binary ? '' : `(${type.toString(16)})`}:${bytes(data)}`;
}

const bytes = (data: Buffer) => [...data].map((byte) => byte.toString(16).padStart(2, '0')).join(',');
const quoted = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`;
const named = (name: string) => (name === '' ? '@' : quoted(name));
