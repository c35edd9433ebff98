import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { type Lab, labFile, runningLab } from '../state.ts';
import { find } from './inside.ts';

// What a lab does to the machine, and what of it is left when it is killed: by one without a cluster, in which is made
// by hand what a cluster has besides.
const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const world = fileURLToPath(new URL('../world/small.yaml', import.meta.url));
const parent = realpathSync(mkdtempSync(join(tmpdir(), 'tranship-leaves-')));
const dir = join(parent, 'lab');
const groups = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
const group = join(groups, 'k8s.io', `tranship-leaves-${process.pid}`);
const volume = join(dir, 'volumes/pvc-1.raw');
const places = ['/run', '/var/lib', '/var/log'];
const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/keys/root_maxkeys'];

const tell = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe', timeout: 100_000 });
function lab(...args: string[]): void {
  execFileSync(process.execPath, [main, ...args], {
    env: { ...process.env, TRANSHIP_LAB_DIR: dir },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 100_000,
  });
}
const running = () => JSON.parse(readFileSync(labFile(dir), 'utf8')) as Lab;
/** As the node does it. */
const inside = (script: string) =>
  tell('nsenter', '-t', String(running().init), '-m', '-p', '-n', 'bash', '-ec', script).trim();
const loops = () =>
  tell('losetup', '--list', '--noheadings', '--output', 'BACK-FILE')
    .split('\n')
    .filter((file) => file.startsWith(dir));
const links = () => tell('ip', '-o', 'link');
/** The machine's end of the lab's wire, with the number that no later one has: other labs may come and go. */
const link = () => new RegExp(`^\\d+: trlab${running().address.split('.')[2]}@`, 'm').exec(links())![0];
const processes = () => tell('ps', '-eo', 'args').match(new RegExp(`.*${parent}.*`, 'g'));
const foldersIn = (place: string) =>
  readdirSync(place, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
const machine = () => ({
  folders: Object.fromEntries(places.map((place) => [place, foldersIn(place)])),
  settings: Object.fromEntries(settings.map((name) => [name, readFileSync(join('/proc/sys', name), 'utf8')])),
});

/** A volume of mode Block with the device that a kubelet holds it by, and a pod with a mount, a cgroup and a process. */
function makeVolumeAndPod(): void {
  inside(`cd ${dir}
    truncate -s 1M volumes/pvc-1.raw; device=$(losetup --find --show volumes/pvc-1.raw)
    touch kubelet/map; mount --bind $device kubelet/map; losetup --find kubelet/map
    mkdir -p /var/lib/kubelet/pods/one; mount -t tmpfs tmpfs /var/lib/kubelet/pods/one
    mkdir -p ${group}/pod
    sleep 1000 ${parent} < /dev/null > /dev/null 2>&1 & echo $! > ${group}/pod/cgroup.procs`);
}

let wire: string;
afterAll(() => {
  lab('down');
  rmSync(parent, { recursive: true });
});

test('leaves - what the node writes at fixed places and into the kernel’s settings is its own', () => {
  const was = machine();
  lab('up', '--no-cluster', '--world', world);
  wire = link();
  inside(places.map((place) => `mkdir ${place}/tranship-leaves`).join('; '));
  inside('mkdir /run/containerd/one /run/netns/one /var/lib/kubelet/one /var/lib/cni/one /var/log/containers/one');
  for (const name of settings) inside(`echo 7 > /proc/sys/${name}; [ $(cat /proc/sys/${name}) = 7 ]`);
  expect(() => inside('echo 7 > /proc/sys/vm/swappiness')).toThrow('Read-only');
  expect(machine()).toEqual(was);
});

test('leaves - a lab that was killed with volumes and pods: the next `up` removes them', async () => {
  makeVolumeAndPod();
  process.kill(Number(running().holder.split('-')[0]), 'SIGKILL');
  await expect.poll(() => runningLab(dir)).toBeUndefined();
  await expect.poll(loops).toEqual([volume]); // the path of the other goes with the mounts
  expect(existsSync(join(group, 'pod'))).toBe(true);
  lab('up', '--no-cluster', '--world', world);
  expect(loops()).toEqual([]);
  expect(existsSync(group)).toBe(false);
  expect(readdirSync(join(dir, 'kubelet'))).toEqual([]);
  expect(links()).not.toContain(wire);
  wire = link();
});

test('leaves - a lab whose supervisor was killed: `down` removes all', async () => {
  makeVolumeAndPod();
  const { pid } = find(running(), 'lab/node/supervisor.ts').at(-1)!;
  process.kill(pid, 'SIGKILL');
  await expect.poll(processes).toBeNull();
  await expect.poll(loops).toEqual([volume]);
  lab('down');
  expect(loops()).toEqual([]);
  expect(existsSync(group)).toBe(false);
  expect(existsSync(dir)).toBe(false);
  expect(links()).not.toContain(wire);
});
