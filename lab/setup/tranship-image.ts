import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from './cache.ts';
import { image, slim } from './images.ts';
import { step } from './progress.ts';
import { run } from './shell.ts';
import { sourcesFile } from './sources.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const plugin = join(repository, 'lab/nbdkit-vddk');
const services = ['gateway', 'planner', 'inventory', 'vm-builder', 'transfer', 'converter'];
/** What transfer and converter call. */
const packages = ['nbdkit', 'libcurl4', 'libstdc++6', 'e2fsprogs', 'kmod', 'cpio', 'zstd', 'xz-utils'];
/** Laid into guests that have no agent; a network is not asked for. */
const media = ['qemu-guest-agent', 'libglib2.0-0', 'libffi8', 'liburing2', 'libnuma1'];

/** Debian with what the workbench's programs need, as a tar file. */
async function base(): Promise<string> {
  const folder = await cached('workbench-base', hashOf([packages.join(), media.join(), 'v2']), (out) =>
    step('making the base of the workbench', 40, async (shown) => {
      const into = '"$1/usr/share/tranship/media/debian"';
      const download = `mkdir -p ${into} && cd ${into} && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -q ${media.join(' ')}`;
      const flags = ['--variant=minbase', ...slim, `--include=${packages.join()}`, `--customize-hook=${download}`];
      const tar = join(out, 'base.tar');
      await run('mmdebstrap', [...flags, 'bookworm', tar, sourcesFile('bookworm')], {
        onLine: (line) => shown.detail(line),
      });
    }),
  );
  return join(folder, 'base.tar');
}

/** The one image of all six services, with the lab's plugin where production has VMware's library. */
export async function transhipImage(): Promise<string> {
  const tar = await base();
  const sources = ['libs', ...services.map((name) => `services/${name}`)].map((path) => ({
    path: join(repository, path),
  }));
  const key = hashOf([
    tar,
    { path: join(repository, 'package-lock.json') },
    ...sources,
    { path: join(plugin, 'vddk.c') },
    { path: join(plugin, 'http.c') },
    'v2',
  ]);
  return image('tranship', key, (root) => fill(root, tar), '/usr/local/bin/node', 'making the image of Tranship', 15);
}

async function fill(root: string, tar: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  await run('tar', ['-xf', tar, '-C', root]);
  const app = join(root, 'app');
  const copy = (path: string) =>
    cpSync(join(repository, path), join(app, path), {
      recursive: true,
      filter: (from) => !/\/(node_modules|\.turbo)$/.test(from.slice(repository.length + path.length)),
    });
  for (const path of ['package.json', 'libs', ...services.map((name) => `services/${name}`)]) copy(path);
  mkdirSync(join(app, 'node_modules/@tranship'), { recursive: true });
  for (const name of closure(services.map((each) => `services/${each}`))) {
    const [scope, own] = name.split('/');
    if (scope === '@tranship') symlinkSync(`../../libs/${own}`, join(app, 'node_modules', name));
    else cpSync(join(repository, 'node_modules', name), join(app, 'node_modules', name), { recursive: true });
  }
  await run('install', [
    '-D',
    '-m',
    '755',
    join(repository, 'node_modules/node/bin/node'),
    join(root, 'usr/local/bin/node'),
  ]);
  await run('make', ['-C', plugin, `OUT=${join(root, 'usr/lib/x86_64-linux-gnu/nbdkit/plugins')}`]);
  appendFileSync(join(root, 'etc/passwd'), 'qemu:x:107:107::/tmp:/usr/sbin/nologin\n');
  appendFileSync(join(root, 'etc/group'), 'qemu:x:107:\n');
}

/** Every package that these workspaces need at run time, as the lock file laid them out. */
function closure(workspaces: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (folder: string) => {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(repository, folder, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = join('node_modules', name);
      if (found.has(name) || !existsSync(join(repository, path))) continue;
      found.add(name);
      visit(path);
    }
  };
  for (const workspace of workspaces) visit(workspace);
  return found;
}
