import type { Read } from './read.ts';

const [binaryBytes, mostBytes] = [4096, 4 * 1024 ** 2];
/** What opens a volume in a person's place, by means that are the machine's own. */
const binding: ReadonlySet<string> = new Set(['clevis', 'systemd-tpm2', 'systemd-fido2', 'systemd-pkcs11']);

/** What an encrypted volume is bound to besides its passphrases; only LUKS2 tells. `head`: its first bytes. */
export function bindingsIn(read: Read, offset: number, head: Buffer): string[] {
  const isSecond = head.readUInt16BE(6) === 2;
  const bytes = Number(head.readBigUInt64BE(8));
  if (!isSecond || bytes <= binaryBytes || bytes > mostBytes) return [];
  const text = read(offset + binaryBytes, bytes - binaryBytes)
    .toString('utf8')
    .split('\0', 1)[0]!;
  const tokens = Object.values(Object(parsed(text)?.tokens ?? {})) as unknown[];
  return [...binding].filter((type) => tokens.some((token) => (token as { type?: unknown } | null)?.type === type));
}

function parsed(text: string): { readonly tokens?: unknown } | undefined {
  try {
    return Object(JSON.parse(text));
  } catch {
    return undefined;
  }
}
