import { moduleName } from './modules.ts';

/** Modules of an initramfs by their paths below `lib/modules/<version>/`, each with what it depends on, in kmod's order. */
export type Dependencies = ReadonlyMap<string, readonly string[]>;

/** `modules.dep`, as depmod writes it. */
export const depText = (modules: Dependencies): string =>
  [...modules].map(([path, needs]) => `${depLine(path, needs)}\n`).join('');

/** `modules.dep.bin`: name -> line, as a tree by letters. */
export const depBinary = (modules: Dependencies): Buffer =>
  tree(new Map([...modules].map(([path, needs]) => [moduleName(path), depLine(path, needs)])));

const depLine = (path: string, needs: readonly string[]) => [`${path}:`, ...needs].join(' ');

const magic = 0xb007f457;
const version = 0x00020001;
const [hasPrefix, hasValues, hasChildren] = [0x80000000, 0x40000000, 0x20000000];

/** kmod's index file: nodes from the leaves up, each child found by the letter that follows the node's prefix. */
function tree(entries: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [Buffer.alloc(12)];
  let size = 12;
  const put = (bytes: Buffer) => {
    parts.push(bytes);
    size += bytes.length;
  };
  // Keys share their first `depth` letters; none is longer than a module's name.
  const node = (keys: readonly string[], depth: number): number => {
    const prefix = shared(keys, depth);
    const at = depth + prefix.length;
    const own = keys.find((key) => key.length === at);
    const below = new Map<number, string[]>();
    for (const key of keys) {
      if (key.length === at) continue;
      const letter = key.charCodeAt(at);
      below.set(letter, [...(below.get(letter) ?? []), key]);
    }
    const offsets = new Map([...below].map(([letter, some]) => [letter, node(some, at + 1)]));
    let offset = size;
    if (prefix !== '') {
      put(Buffer.from(`${prefix}\0`, 'latin1'));
      offset += hasPrefix;
    }
    if (offsets.size > 0) {
      const [first, last] = [Math.min(...offsets.keys()), Math.max(...offsets.keys())];
      const table = Buffer.alloc(2 + 4 * (last - first + 1));
      table.writeUInt8(first, 0);
      table.writeUInt8(last, 1);
      for (const [letter, child] of offsets) table.writeUInt32BE(child, 2 + 4 * (letter - first));
      put(table);
      offset += hasChildren;
    }
    if (own !== undefined) {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(1, 0);
      put(Buffer.concat([head, Buffer.from(`${entries.get(own)!}\0`, 'latin1')]));
      offset += hasValues;
    }
    return offset;
  };
  const keys = [...entries.keys()].filter((key) => /^[\x21-\x7e]{1,200}$/.test(key)).sort();
  const root = keys.length > 0 ? node(keys, 0) : 0;
  parts[0]!.writeUInt32BE(magic, 0);
  parts[0]!.writeUInt32BE(version, 4);
  parts[0]!.writeUInt32BE(root, 8);
  return Buffer.concat(parts);
}

/** Sorted: what the first and the last share, all do. */
function shared(keys: readonly string[], from: number): string {
  const [first, last] = [keys[0]!, keys.at(-1)!];
  let to = from;
  while (to < first.length && first[to] === last[to]) to++;
  return first.slice(from, to);
}
