const plain = /[A-Za-z0-9_./:=,+@ -]/;

/** One argument of guestfish: every byte that is not plain is written by its number, so that nothing of it is syntax. */
export function quote(word: string | Buffer): string {
  const bytes = [...Buffer.from(word as string)].map((byte) => {
    const letter = String.fromCharCode(byte);
    return plain.test(letter) ? letter : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

/** guestfish reads no longer line. */
const maxLine = 8000;

/** Arguments that are lists of names, each short enough for a line. Names that it cannot be told are left out. */
export function lists(names: readonly string[], besides: number): { names: string[]; argument: string }[] {
  const found: { names: string[]; argument: string }[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const name of names) {
    // In a list it takes a backslash before a quote for part of the syntax.
    if (/\\(?:'|$)/.test(name)) continue;
    const own = quote(`'${name.replaceAll("'", "'\\''")}'`).slice(1, -1);
    if (own.length + besides > maxLine) continue;
    if (size + own.length + 1 + besides > maxLine) {
      found.push({ names: [], argument: '' });
      size = 0;
    }
    const last = found.at(-1)!;
    last.names.push(name);
    last.argument += last.argument === '' ? own : ` ${own}`;
    size += own.length + 1;
  }
  return found.map((each) => ({ names: each.names, argument: `"${each.argument}"` }));
}

/** The fields of structures as guestfish prints them, `[0] = {` … `}`. */
export function structures(output: string): Map<string, string>[] {
  const found: Map<string, string>[] = [];
  for (const line of output.split('\n')) {
    if (/^(\[\d+\] = )?\{$/.test(line)) found.push(new Map());
    const [, name, value] = /^ {2}(\w+): (.*)$/s.exec(line) ?? [];
    if (name !== undefined) found.at(-1)?.set(name, value!);
  }
  return found;
}

/** Bytes as it prints them: those that are not printable by their number, with the sign drawn out. */
export function bytesOf(text: string): Buffer {
  const parts = [...text.matchAll(/\\x(?:ffffff([89a-f][0-9a-f])|([0-7][0-9a-f]))|./gs)];
  return Buffer.concat(
    parts.map(([whole, signed, unsigned]) => {
      const hex = signed ?? unsigned;
      return hex === undefined ? Buffer.from(whole, 'latin1') : Buffer.from(hex, 'hex');
    }),
  );
}
