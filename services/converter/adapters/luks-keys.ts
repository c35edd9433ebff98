import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';

/** A key for encrypted volumes. Its bytes are in no text that is made of it. */
export class LuksKey {
  /** Of its file: tells it from others, and may be told. */
  readonly name: string;
  readonly #bytes: Buffer;

  constructor(name: string, bytes: Buffer) {
    this.name = name;
    this.#bytes = bytes;
  }

  /** For the standard input of what opens a volume. */
  reveal(): Buffer {
    return this.#bytes;
  }
}

/** Each is tried on every volume, and each try takes as long as the guest's own passphrase does. */
const maxKeys = 32;
const maxBytes = 64 * 1024;
const newline = 10;

/** Whether there is a key in a folder. */
export const hasKeys = (folder: string | undefined): boolean => namesIn(folder).length > 0;

/** Reads the keys in a folder, a file each. Throws `guest.luks-key` for a file that can be none; no message holds what is in it. */
export function readKeys(folder: string | undefined): LuksKey[] {
  const names = namesIn(folder);
  if (names.length > maxKeys) throw unfit(`there are ${names.length} keys: more than ${maxKeys} are not tried`);
  return names.map((name) => new LuksKey(name, keyOf(name, contentOf(join(folder!, name)))));
}

/** What begins with two dots is the kubelet's own: it lays a Secret's values behind them. */
const namesIn = (folder: string | undefined): string[] =>
  folder !== undefined && existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => !name.startsWith('..'))
        .sort()
    : [];

/** As cryptsetup asks for a passphrase: up to the end of the line. */
function keyOf(name: string, content: Buffer | undefined): Buffer {
  if (content === undefined) throw unfit(`the key ${name} is no file of at most ${maxBytes} bytes`);
  const key = content.at(-1) === newline ? content.subarray(0, -1) : content;
  if (key.length === 0) throw unfit(`the key ${name} is empty`);
  if (key.includes(newline) || key.includes(0)) throw unfit(`the key ${name} is not one line of text`);
  return key;
}

function contentOf(file: string): Buffer | undefined {
  const handle = openSync(file, 'r');
  try {
    if (!fstatSync(handle).isFile()) return undefined;
    const bytes = Buffer.alloc(maxBytes + 1);
    const size = readSync(handle, bytes, 0, bytes.length, 0);
    return size > maxBytes ? undefined : bytes.subarray(0, size);
  } finally {
    closeSync(handle);
  }
}

const unfit = (detail: string) => new TranshipError('guest.luks-key', detail);
