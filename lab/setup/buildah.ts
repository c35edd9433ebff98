import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from './cache.ts';
import { step } from './progress.ts';
import { run } from './shell.ts';

const self = fileURLToPath(import.meta.url);
const deadlineMs = 1_800_000;

export interface ImageSpec {
  /** With registry and tag, as the node knows it. */
  readonly tag: string;
  readonly title: string;
  readonly seconds: number;
  readonly containerfile: string;
  /** The image it stands on: its archive and the build argument that names it. */
  readonly on?: Archive & { readonly argument: string };
  /** What the context is made from, for the key. */
  readonly inputs: Parameters<typeof hashOf>[0];
  /** Fills the context, or names a folder that is one. */
  readonly context: (folder: string, onLine: (line: string) => void) => Promise<string | undefined>;
}

export interface Archive {
  readonly tag: string;
  /** An OCI archive. */
  readonly file: string;
}

/** Builds an image from its Containerfile into an OCI archive, once for each state of what it is made from. */
export async function image(spec: ImageSpec): Promise<Archive> {
  const { tag, title, seconds, containerfile, on, inputs, context } = spec;
  const name = tag.replace(/^.*\//, '').replace(/[:.]/g, '-');
  const key = hashOf([{ path: containerfile }, { path: self }, tag, on ? `${on.argument}=${on.file}` : '', ...inputs]);
  const folder = await cached(`image-${name}`, key, (out) =>
    step(title, seconds, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const fresh = join(out, 'context');
      mkdirSync(fresh);
      await build(out, spec, (await context(fresh, onLine)) ?? fresh, onLine);
      await run('rm', ['-rf', fresh], { deadlineMs });
    }),
  );
  return { tag, file: join(folder, 'image.oci') };
}

/** In a storage of its own that goes with it, and in a mount namespace, so that no mount outlives it. */
async function build(
  out: string,
  { tag, containerfile, on }: ImageSpec,
  context: string,
  onLine: (line: string) => void,
): Promise<void> {
  const [storage, policy] = [join(out, 'storage'), join(out, 'policy.json')];
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const script = [
    'set -e',
    'b() { buildah --root "$STORAGE/root" --runroot "$STORAGE/run" --storage-driver overlay "$@"; }',
    ...(on ? ['b pull -q --signature-policy "$POLICY" "oci-archive:$ON"'] : []),
    'b bud --isolation chroot --layers=false --pull-never --signature-policy "$POLICY" $ARGUMENT -f "$CONTAINERFILE" -t "$TAG" "$CONTEXT"',
    'b push -q --signature-policy "$POLICY" --disable-compression "$TAG" "oci-archive:$OUT:$TAG"',
  ].join('\n');
  const env = {
    STORAGE: storage,
    POLICY: policy,
    ON: on?.file ?? '',
    ARGUMENT: on ? `--build-arg=${on.argument}=${on.tag}` : '',
    CONTAINERFILE: containerfile,
    TAG: tag,
    CONTEXT: context,
    OUT: join(out, 'image.oci'),
  };
  await run('unshare', ['--mount', 'bash', '-c', script], { env, onLine, deadlineMs });
  await run('rm', ['-rf', storage, policy], { deadlineMs });
}
