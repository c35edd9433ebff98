import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { Root, summingOf } from '@tranship/blocks';
import { canonical, type Proof, type Signature, signedText, sumsOf } from '@tranship/contracts';

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/**
 * Whether the proof is as it was signed; `proof`: as it stands in its file, what is not known here included. `trusted`: the key
 * that must have signed it (SPKI, base64).
 */
export function checkSignature(
  { proof, publicKey, signature }: Signature & { readonly proof: unknown },
  trusted: string | undefined,
): Finding[] {
  const key = ed25519(publicKey);
  const text = signedText(sha256(canonical(proof)).toString('hex'));
  const ok = key !== undefined && verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  const by = `by the key ${fingerprint(publicKey)}`;
  const broken = key ? `not ${by}: the proof was changed` : 'its publicKey is no ed25519 key in base64';
  const signed = { what: 'signature', ok, detail: ok ? by : broken };
  if (trusted === undefined) return [signed];
  const wanted = trusted.trim();
  const same = wanted === publicKey;
  const given = ed25519(wanted)
    ? `the one given is ${fingerprint(wanted)}`
    : 'the one given is no ed25519 key in base64';
  return [signed, { what: 'key', ok: same, detail: same ? 'it is the one given' : given }];
}

function ed25519(spki: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest();
const fingerprint = (key: string) => `SHA256:${sha256(Buffer.from(key, 'base64')).toString('base64')}`;

const meanings: Record<Proof['grade'], string> = {
  standard: 'CRC-32 of each leaf, which finds accidents',
  sha256: 'SHA-256 of each leaf',
  full: 'SHA-256 of each leaf, and the powered-off source was read twice',
};

/** What the proof's grade promises, and whether its passes bear that out. */
export function checkGrade({ grade, disks }: Proof): Finding {
  const once = grade === 'full' ? disks.find(({ auditedShare = 0 }) => auditedShare < 1) : undefined;
  const detail = once ? `disk ${once.index} was not read again as a whole` : meanings[grade];
  return { what: `grade ${grade}`, ok: !once, detail };
}

/** Whether the chain of passes holds: each disk's last root is the one proven, and each pass was read back. */
export function checkChain({ disks, passes }: Proof): Finding[] {
  if (disks.length === 0) return [{ what: 'chain', ok: false, detail: 'it proves no disk' }];
  return disks.map(({ index, copied }) => {
    const own = passes.map(({ pass, disks: each }) => ({ pass, disk: each.find((disk) => disk.index === index) }));
    const gap = own.find(({ pass, disk }, i) => pass !== i + 1 || disk === undefined);
    const blind = own.find(({ disk }) => disk && disk.writtenBytes > 0 && disk.provenLeaves === 0);
    const last = own.at(-1)?.disk?.root;
    const detail = gap
      ? `pass ${gap.pass} does not follow`
      : blind
        ? `pass ${blind.pass} was not read back`
        : last === copied
          ? `${own.length} passes, each read back`
          : 'its last pass has another root';
    return { what: `disk ${index} chain`, ok: !gap && !blind && last === copied, detail };
  });
}

const chunkBytes = 4 * 1024 * 1024;

/** Whether an image (raw file or device) holds the very bytes that were proven, as copied or as converted: says which. */
export async function checkDisk({ disks, grade }: Proof, index: number, image: string): Promise<Finding> {
  const what = `disk ${index}`;
  const disk = disks.find((each) => each.index === index);
  if (!disk) return { what, ok: false, detail: 'the proof has no such disk' };
  const { sizeBytes, copied, converted } = disk;
  const summing = summingOf(sumsOf(grade));
  const { size, ...is } = await kindOf(image);
  if (!is.file && !is.device) return { what, ok: false, detail: `${image} is neither a raw image nor a device` };
  const file = await open(image, 'r');
  try {
    const root = new Root(sizeBytes, summing);
    const chunk = Buffer.alloc(chunkBytes);
    for (let at = 0; at < sizeBytes; at += chunkBytes) {
      const part = chunk.subarray(0, Math.min(chunkBytes, sizeBytes - at));
      if (!(await fill(file, part, at))) return { what, ok: false, detail: `${image} ends before ${sizeBytes} bytes` };
      root.add(summing.sum(part));
    }
    const found = root.hex();
    const how = found === copied ? 'as copied from the source' : found === converted ? 'as converted' : undefined;
    if (how === undefined) return { what, ok: false, detail: `${image} has other bytes` };
    // A device is as large as its storage likes.
    if (is.file && size > sizeBytes)
      return { what, ok: false, detail: `${image} goes on for ${size - sizeBytes} bytes that are not proven` };
    return { what, ok: true, detail: `${image} is what was proven, ${how}` };
  } finally {
    await file.close();
  }
}

async function kindOf(image: string) {
  const found = await stat(image);
  return { size: found.size, file: found.isFile(), device: found.isBlockDevice() };
}

async function fill(file: Awaited<ReturnType<typeof open>>, part: Buffer, from: number): Promise<boolean> {
  for (let at = 0; at < part.length; ) {
    const { bytesRead } = await file.read(part, at, part.length - at, from + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}
