import { createCipheriv } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const mib = 1024 ** 2;

/** Writes a disk's first bytes as a world file tells: `random:200MB` or `pattern:32MB`, the same for the same seed, spread over the disk with holes. */
export function fillImage(file: string, fill: string, sizeBytes: number, seed: string): void {
  const [kind, amount = '0MB'] = fill.split(':');
  const wanted = Math.min(Number.parseInt(amount, 10), Math.floor(sizeBytes / mib));
  const key = Buffer.alloc(32, seed);
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(mib);
  const handle = openSync(file, 'w');
  try {
    ftruncateSync(handle, sizeBytes);
    const stride = Math.max(1, Math.floor(sizeBytes / mib / Math.max(1, wanted)));
    for (let i = 0; i < wanted; i++) {
      const block = kind === 'random' ? stream.update(zeros) : Buffer.alloc(mib, `${seed} block ${i} `);
      writeSync(handle, block, 0, mib, i * stride * mib);
    }
  } finally {
    closeSync(handle);
  }
}
