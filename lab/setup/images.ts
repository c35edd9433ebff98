import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layOut, sources } from '../../deploy/images/context.ts';
import { type Archive, image } from './buildah.ts';
import { kubevirtKey, kubevirtPrograms } from './kubevirt.ts';
import { run } from './shell.ts';
import { sourcesFile } from './sources.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const path = (name: string) => join(repository, name);
const deadlineMs = 900_000;

/** Every image that the node holds, as OCI archives. */
export async function images(): Promise<string[]> {
  const all = [await pause(), await kubevirt(), await withPlugin(await tranship())];
  return all.map(({ file }) => file);
}

/** What `debian:12-slim` is elsewhere: a Debian from its packages, without documentation. */
function debian(suite: 'bookworm' | 'trixie'): Promise<Archive> {
  const slim = ['man', 'doc', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const flags = [
    '--variant=minbase',
    ...slim,
    '--include=ca-certificates',
    '--customize-hook=: > "$1/etc/resolv.conf"',
  ];
  return image({
    tag: `localhost/debian:${suite}`,
    title: `making a Debian ${suite} from its packages`,
    seconds: 45,
    containerfile: path('lab/images/debian/Containerfile'),
    inputs: flags,
    context: async (folder, onLine) => {
      const archive = join(folder, 'root.tar');
      await run('mmdebstrap', [...flags, suite, archive, sourcesFile(suite)], { onLine, deadlineMs });
      return undefined;
    },
  });
}

function pause(): Promise<Archive> {
  const source = path('lab/images/pause/pause.c');
  return image({
    tag: 'lab.local/pause:1',
    title: 'making the image of the pods’ own process',
    seconds: 5,
    containerfile: path('lab/images/pause/Containerfile'),
    inputs: [{ path: source }],
    context: async (folder) => {
      await run('gcc', ['-O2', '-static', '-s', '-o', join(folder, 'pause'), source], { deadlineMs });
      return undefined;
    },
  });
}

async function kubevirt(): Promise<Archive> {
  const bin = await kubevirtPrograms();
  return image({
    tag: 'lab.local/kubevirt:1',
    title: 'making the image of KubeVirt',
    seconds: 120,
    containerfile: path('lab/images/kubevirt/Containerfile'),
    on: { ...(await debian('trixie')), argument: 'BASE' },
    inputs: [await kubevirtKey()],
    context: async () => bin,
  });
}

/** The product's own image, by its own Containerfiles. */
async function tranship(): Promise<Archive> {
  const system = await image({
    tag: 'localhost/tranship-system:1',
    title: 'making the system below the services',
    seconds: 40,
    containerfile: path('deploy/images/Containerfile.system'),
    on: { ...(await debian('bookworm')), argument: 'BASE' },
    inputs: [],
    context: async () => undefined,
  });
  const lock = ['package-lock.json', 'deploy/images/context.ts', 'node_modules/node/package.json'];
  return image({
    tag: 'localhost/tranship:1',
    title: 'making the image of Tranship',
    seconds: 15,
    containerfile: path('deploy/images/Containerfile'),
    on: { ...system, argument: 'SYSTEM' },
    inputs: [...lock, ...sources].map((name) => ({ path: path(name) })),
    context: async (folder) => {
      layOut(folder);
      return undefined;
    },
  });
}

/** With the lab's plugin over it, where production has VMware's library. */
function withPlugin(product: Archive): Promise<Archive> {
  const plugin = path('lab/nbdkit-vddk');
  return image({
    tag: 'lab.local/tranship:1',
    title: 'laying the lab’s disk library over it',
    seconds: 10,
    containerfile: path('lab/images/vddk/Containerfile'),
    on: { ...product, argument: 'PRODUCT' },
    inputs: ['Makefile', 'vddk.c', 'http.c', 'http.h'].map((name) => ({ path: join(plugin, name) })),
    context: async (folder) => {
      await run('make', ['-C', plugin, `OUT=${folder}`], { deadlineMs });
      return undefined;
    },
  });
}
