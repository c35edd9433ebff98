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
  // KubeVirt's last: its programs take longest.
  return [await pause(), await tranship(await system(), 'tranship:1'), await kubevirt()].map(({ file }) => file);
}

/** What `debian:12-slim` is elsewhere: a Debian from its packages, without documentation. */
function debian(suite: 'bookworm' | 'trixie'): Promise<Archive> {
  const slim = ['man', 'doc', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const resolver = '--customize-hook=: > "$1/etc/resolv.conf"';
  const flags = ['--variant=minbase', ...slim, '--include=ca-certificates', resolver];
  return image({
    title: `making a Debian ${suite} from its packages`,
    seconds: 70,
    layers: [
      {
        tag: `localhost/debian:${suite}`,
        containerfile: path('lab/images/debian/Containerfile'),
        context: async (folder, onLine) => {
          await run('mmdebstrap', [...flags, suite, join(folder, 'root.tar'), sourcesFile(suite)], {
            onLine,
            deadlineMs,
          });
        },
      },
    ],
    inputs: flags,
  });
}

function pause(): Promise<Archive> {
  const source = path('lab/images/pause/pause.c');
  return image({
    title: 'making the image of the pods’ own process',
    seconds: 5,
    layers: [
      {
        tag: 'lab.local/pause:1',
        containerfile: path('lab/images/pause/Containerfile'),
        context: async (folder) => {
          await run('gcc', ['-O2', '-static', '-s', '-o', join(folder, 'pause'), source], { deadlineMs });
        },
      },
    ],
    inputs: [{ path: source }],
  });
}

async function kubevirt(): Promise<Archive> {
  const on = await debian('trixie');
  const bin = await kubevirtPrograms();
  const containerfile = path('lab/images/kubevirt/Containerfile');
  return image({
    title: 'making the image of KubeVirt',
    seconds: 60,
    on,
    layers: [{ tag: 'lab.local/kubevirt:1', containerfile, argument: 'BASE', context: async () => bin }],
    inputs: [await kubevirtKey()],
  });
}

/** What the services call: packages, and our own small program. */
async function system(): Promise<Archive> {
  const ntfs = path('services/converter/ntfs');
  return image({
    title: 'making the system below the services',
    seconds: 45,
    on: await debian('bookworm'),
    layers: [
      {
        tag: 'localhost/tranship-system:1',
        containerfile: path('deploy/images/Containerfile.system'),
        argument: 'BASE',
        context: async (folder) => {
          await run('make', ['-C', ntfs, `OUT=${folder}`], { deadlineMs });
        },
      },
    ],
    inputs: [{ path: ntfs }],
  });
}

/** The product's image, for workbenches of guests that only a kernel reaches. */
export async function applianceImage(): Promise<Archive> {
  const containerfile = path('deploy/images/Containerfile.appliance');
  const on = await image({
    title: 'making the system with libguestfs’ appliance',
    seconds: 240,
    on: await system(),
    layers: [{ tag: 'localhost/tranship-system-appliance:1', containerfile, argument: 'SYSTEM' }],
    inputs: [],
  });
  return tranship(on, 'tranship-appliance:1');
}

/** The product's own image by its own Containerfile, and over it the lab's plugin, where production has VMware's library. */
async function tranship(on: Archive, name: string): Promise<Archive> {
  const plugin = path('lab/nbdkit-vddk');
  const lock = ['package-lock.json', 'deploy/images/context.ts', 'node_modules/node/package.json'];
  return image({
    title: `making the image ${name.replace(/:.*/, '')}`,
    seconds: 75,
    on,
    layers: [
      {
        tag: `localhost/${name}`,
        containerfile: path('deploy/images/Containerfile'),
        argument: 'SYSTEM',
        context: async (folder) => layOut(folder),
      },
      {
        tag: `lab.local/${name}`,
        containerfile: path('lab/images/vddk/Containerfile'),
        argument: 'PRODUCT',
        context: async (folder) => {
          await run('make', ['-C', plugin, `OUT=${folder}`], { deadlineMs });
        },
      },
    ],
    inputs: [...lock.map(path), ...sources.map(path), plugin].map((each) => ({ path: each })),
  });
}
