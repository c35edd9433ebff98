import { createHash, createPublicKey, verify } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Root, summingOf } from '@tranship/blocks';
import { canonical, type Proof, type SignedProof, signedText, sumsOf } from '@tranship/contracts';

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Whether the proof is as it was signed; `trusted`: the key that must have signed it (SPKI, base64). */
export function checkSignature({ proof, publicKey, signature }: SignedProof, trusted: string | undefined): Finding[] {
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const ok = verify(
    null,
    Buffer.from(signedText(sha256(canonical(proof)).toString('hex'))),
    key,
    Buffer.from(signature, 'base64'),
  );
  const by = `by the key ${fingerprint(publicKey)}`;
  const signed = { what: 'signature', ok, detail: ok ? by : `not ${by}: the proof was changed` };
  if (trusted === undefined) return [signed];
  const same = trusted === publicKey;
  return [
    signed,
    { what: 'key', ok: same, detail: same ? 'it is the one given' : `the one given is ${fingerprint(trusted)}` },
  ];
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
  const file = await open(image, 'r');
  try {
    const root = new Root(sizeBytes, summing);
    const chunk = Buffer.alloc(chunkBytes);
    for (let at = 0; at < sizeBytes; at += chunkBytes) {
      const part = chunk.subarray(0, Math.min(chunkBytes, sizeBytes - at));
      if (!(await fill(file, part, at))) return { what, ok: false, detail: `${image} ends before ${sizeBytes} bytes` };
      root.add(summing.sum(part));
    }
    const is = root.hex();
    if (is === copied) return { what, ok: true, detail: `${image} is what was proven, as copied from the source` };
    const ok = is === converted;
    return { what, ok, detail: ok ? `${image} is what was proven, as converted` : `${image} has other bytes` };
  } finally {
    await file.close();
  }
}

async function fill(file: Awaited<ReturnType<typeof open>>, part: Buffer, from: number): Promise<boolean> {
  for (let at = 0; at < part.length; ) {
    const { bytesRead } = await file.read(part, at, part.length - at, from + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}
