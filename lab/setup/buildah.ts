import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from './cache.ts';
import { step } from './progress.ts';
import { run } from './shell.ts';

const self = fileURLToPath(import.meta.url);
const deadlineMs = 1_800_000;

export interface Archive {
  /** With registry and tag, as the node knows it. */
  readonly tag: string;
  /** An OCI archive. */
  readonly file: string;
}

export interface Layer {
  readonly tag: string;
  readonly containerfile: string;
  /** The build argument that names what it stands on. */
  readonly argument?: string;
  /** Fills the context, or names a folder that is one. */
  readonly context?: (folder: string, onLine: (line: string) => void) => Promise<unknown>;
}

export interface ImageSpec {
  readonly title: string;
  readonly seconds: number;
  /** What the first layer stands on. */
  readonly on?: Archive;
  /** Each stands on the one before; the last is the image. */
  readonly layers: readonly [...Layer[], Layer];
  /** What the contexts are made from, for the key. */
  readonly inputs: Parameters<typeof hashOf>[0];
}

/** Builds an image from its Containerfiles into an OCI archive, once for each state of what it is made from. */
export async function image({ title, seconds, on, layers, inputs }: ImageSpec): Promise<Archive> {
  const { tag } = layers.at(-1)!;
  const name = tag.replace(/^.*\//, '').replace(/[:.]/g, '-');
  const files = layers.flatMap(({ containerfile, ...other }) => [{ path: containerfile }, JSON.stringify(other)]);
  const key = hashOf([{ path: self }, on?.file ?? '', ...files, ...inputs]);
  const folder = await cached(`image-${name}`, key, (out) =>
    step(title, seconds, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const contexts: string[] = [];
      for (const [i, { context }] of layers.entries()) {
        const fresh = join(out, `context-${i}`);
        mkdirSync(fresh);
        const named = await context?.(fresh, onLine);
        contexts.push(typeof named === 'string' ? named : fresh);
      }
      await build(out, layers, contexts, on, onLine);
    }),
  );
  return { tag, file: join(folder, 'image.oci') };
}

/** In a storage of its own, and in a mount namespace, so that no mount outlives it. */
async function build(
  out: string,
  layers: ImageSpec['layers'],
  contexts: readonly string[],
  on: Archive | undefined,
  onLine: (line: string) => void,
): Promise<void> {
  writeFileSync(join(out, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const script: string[] = [
    'set -e; cd "$1"',
    'b() { verb=$1; shift; buildah --root "$PWD/storage" --runroot "$PWD/run" --storage-driver overlay "$verb" --signature-policy "$PWD/policy.json" "$@"; }',
  ];
  if (on) script.push(`b pull -q 'oci-archive:${on.file}'`);
  let below = on?.tag;
  for (const [i, { tag, containerfile, argument }] of layers.entries()) {
    const named = argument ? `--build-arg '${argument}=${below}'` : '';
    script.push(
      `b bud --isolation chroot --layers=false --pull-never ${named} -f '${containerfile}' -t '${tag}' '${contexts[i]}'`,
    );
    below = tag;
  }
  script.push(`b push -q --disable-compression '${below}' "oci-archive:$PWD/image.oci:${below}"`);
  script.push('rm -rf context-* policy.json run; umount storage/overlay 2>/dev/null || true; rm -rf storage');
  await run('unshare', ['--mount', 'bash', '-c', script.join('\n'), 'bash', out], { onLine, deadlineMs });
}
