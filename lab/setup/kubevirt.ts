import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from './cache.ts';
import { kubevirtFlags, kubevirtVersion, moduleDir, moduleKey, readyBin } from './go.ts';
import { step } from './progress.ts';
import { run } from './shell.ts';
import { sourcesFile } from './sources.ts';
import { go } from './toolchain.ts';

const self = fileURLToPath(import.meta.url);
const tools = ['virt-launcher-monitor', 'virt-chroot', 'virt-freezer', 'virt-probe', 'virt-tail', 'virtctl'];
/** Without C for names and users, all that needs no libvirt is compiled the same with cgo and without: once. */
const tags = 'netgo,osusergo';
const command = (name: string) => `kubevirt.io/kubevirt/cmd/${name}`;

/** KubeVirt's own files that its image holds beside the programs, by their places in its module. */
const files = ['qemu.conf', 'virtqemud.conf', 'nsswitch.conf', 'qemu', 'node-labeller/node-labeller.sh'];

/**
 * The folder with kv (virt-api, virt-controller, manifests), virt-handler, virt-launcher, their helpers and `files`:
 * ready from TRANSHIP_LAB_BIN where it holds them, else built once.
 */
export async function kubevirtPrograms(): Promise<string> {
  if (readyBin && existsSync(join(readyBin, 'virt-launcher'))) return readyBin;
  const patched = await lacksDummyLinks();
  const key = hashOf([await moduleKey('kubevirt'), kubevirtFlags, String(patched), { path: self }]);
  return cached('kubevirt', key, async (out) => {
    const cwd = moduleDir('kubevirt');
    await step(`building KubeVirt ${kubevirtVersion}: virt-api, virt-controller, tools`, 480, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const build = ['build', '-v', '-trimpath', '-tags', tags, '-ldflags', kubevirtFlags, '-o'];
      await go([...build, join(out, 'kv'), '.'], { cwd, onLine });
      await go([...build, `${out}/`, ...tools.map(command)], { cwd, onLine });
    });
    await step('building virt-handler and virt-launcher with the libvirt they run with', 150, async (shown) => {
      await buildWithLibvirt(out, patched, (line) => shown.detail(line));
    });
    for (const file of files)
      cpSync(join(await upstream(), 'cmd/virt-launcher', file), join(out, 'files', basename(file)));
  });
}

/** What is made from the programs is made again when they are others. */
export async function kubevirtKey(): Promise<string> {
  const folder = await kubevirtPrograms();
  if (folder !== readyBin) return folder;
  return hashOf(readdirSync(folder).flatMap((name) => [name, String(statSync(join(folder, name)).mtimeMs)]));
}

/** The bridge binding of KubeVirt parks the pod's address on a dummy link; some kernels are built without that driver. */
async function lacksDummyLinks(): Promise<boolean> {
  const probe = 'ip link add trdummy0 type dummy && ip link del trdummy0';
  return run('unshare', ['--net', 'sh', '-c', probe], { deadlineMs: 10_000 }).then(
    () => false,
    () => true,
  );
}

/** A Debian root with the headers of the libvirt that will run the programs. */
async function buildRoot(onLine: (line: string) => void): Promise<string> {
  const include = 'gcc,libc6-dev,pkg-config,libvirt-dev,ca-certificates';
  return cached('build-root', hashOf(['trixie', include]), async (out) => {
    await run(
      'mmdebstrap',
      ['--variant=minbase', `--include=${include}`, 'trixie', join(out, 'root'), sourcesFile('trixie')],
      { onLine },
    );
  });
}

async function buildWithLibvirt(out: string, patched: boolean, onLine: (line: string) => void): Promise<void> {
  const root = join(await buildRoot(onLine), 'root');
  const work = join(out, '.src');
  const source = patched ? await withoutDummy(work) : await plainCopy(work);
  // Inside there is no network: what these two import beyond the rest is fetched before.
  await go(['list', '-mod=mod', '-deps', command('virt-handler'), command('virt-launcher')], {
    cwd: source,
    env: { CGO_ENABLED: '1' },
    deadlineMs: 900_000,
  });
  const [goRoot, modules, buildCache] = (await go(['env', 'GOROOT', 'GOMODCACHE', 'GOCACHE'])).split('\n') as [
    string,
    string,
    string,
  ];
  const mounts = [
    [goRoot, '/usr/local/go'],
    [modules, '/gomod'],
    [buildCache, '/gocache'],
    [source, '/src'],
    [out, '/out'],
  ];
  for (const [, inside] of mounts) mkdirSync(join(root, inside!), { recursive: true });
  const script = [
    'set -e',
    ...mounts.map(([from, inside]) => `mount --bind '${from}' '${root}${inside}'`),
    `mount -t proc proc '${root}/proc'`,
    `exec chroot '${root}' env PATH=/usr/local/go/bin:/usr/bin:/bin HOME=/tmp GOPATH=/tmp/gp GOMODCACHE=/gomod GOCACHE=/gocache GOFLAGS='-buildvcs=false -mod=mod' GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=1 GOGC=400 ` +
      `sh -c 'cd /src && go build -v -trimpath -tags ${tags} -ldflags "${kubevirtFlags}" -o /out/ ${command('virt-handler')} ${command('virt-launcher')} && gcc -O2 -static -o /out/container-disk /src/container-disk.c'`,
  ].join('\n');
  await run('unshare', ['--mount', 'bash', '-c', script], { onLine });
  rmSync(work, { recursive: true, force: true });
}

const upstream = () =>
  go(['list', '-mod=mod', '-m', '-f', '{{.Dir}}', 'kubevirt.io/kubevirt'], {
    cwd: moduleDir('kubevirt'),
    deadlineMs: 600_000,
  });

async function plainCopy(work: string): Promise<string> {
  cpSync(moduleDir('kubevirt'), work, { recursive: true });
  cpSync(join(await upstream(), 'cmd/container-disk-v2alpha/main.c'), join(work, 'container-disk.c'));
  return work;
}

/** A copy of KubeVirt's module in which a bridge without ports takes the dummy link's place: the same, for a parked address. */
async function withoutDummy(work: string): Promise<string> {
  await plainCopy(work);
  const from = await upstream();
  const copy = join(work, 'kubevirt');
  for (const part of ['cmd', 'pkg', 'tools', 'go.mod'])
    if (existsSync(join(from, part)))
      await run('cp', ['-r', '--no-preserve=mode', '-t', mkdir(copy), join(from, part)]);
  edit(join(copy, 'pkg/network/driver/nmstate/types.go'), /TypeDummy(\s*)= "dummy"/, 'TypeDummy$1= TypeBridge');
  edit(join(copy, 'pkg/network/driver/nmstate/spec.go'), /\tTypeDummy: func[\s\S]*?\n\t\},\n/, '');
  await go(['mod', 'edit', '-replace', 'kubevirt.io/kubevirt=./kubevirt'], { cwd: work, deadlineMs: 60_000 });
  return work;
}

function mkdir(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

function edit(file: string, what: RegExp, by: string): void {
  const text = readFileSync(file, 'utf8');
  if (!what.test(text))
    throw new Error(`${file}: ${what} is not found: KubeVirt ${kubevirtVersion} is other than expected`);
  writeFileSync(file, text.replace(what, by));
}
