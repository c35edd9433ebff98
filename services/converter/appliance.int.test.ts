import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { installAppliance } from '../../lab/setup/packages.ts';
import { convertDisks } from './acts/convert.ts';
import { inspectDisks } from './acts/inspect.ts';
import { inspectFiles } from './acts/offline.ts';
import { version } from './testing/image.ts';
import { label, lookInto, scatteredDisk, scatteredMiB } from './testing/scattered.ts';

/** The appliance runs in software here: tens of seconds a start. */
const timeout = 600_000;
let folder: string;
let file: string;
beforeAll(installAppliance, 600_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-appliance-'));
  file = join(folder, 'disk.img');
  scatteredDisk(file, folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex');
const nics = ['5', '6'].map((end) => ({ mac: `00:50:56:aa:00:0${end}`, addresses: [`10.0.0.${end}`] }));
const stages: string[] = [];
const work = (signal = AbortSignal.timeout(timeout)) => {
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  const images = [{ index: 0, path: file, sizeBytes: scatteredMiB * 1024 ** 2 }];
  const tell = (stage: string) => void stages.push(stage);
  return { images, nics, mediaDir: folder, scratch, applianceEngine: true, signal, tell };
};
/** Of processes that have our folder among their arguments: these. */
const running = () =>
  readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return line.includes(`${folder}/`) ? [line] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });

test('appliance - a root on btrfs, /boot on xfs and /var on a split volume: inspected over NBD without a change, converted whole', {
  timeout,
}, async () => {
  const before = digest();
  const { applianceEngine, ...without } = work();
  expect(await inspectDisks(without)).toMatchObject({ supported: false, engine: 'none' });
  const socket = join(folder, 'nbd');
  const server = spawn('nbdkit', ['-f', '-r', '-U', socket, 'file', file], { stdio: 'ignore' });
  const inspected = async () => {
    await expect.poll(() => existsSync(socket)).toBe(true);
    return inspectFiles({ ...without, applianceEngine, files: [`nbd+unix:///?socket=${socket}`] });
  };
  const answer = await inspected().finally(() => server.kill('SIGKILL'));
  if ('problem' in answer) throw new Error(answer.problem.detail);
  const found = answer.inspection;
  expect(found).toMatchObject({ supported: true, engine: 'appliance', os: { id: 'debian', version: '12' } });
  expect(found.mounts.map(({ at, place }) => `${at} ${place}`).sort()).toEqual([
    '/ disk 0, partition 1',
    '/boot disk 0, partition 2',
    '/var my-vg/split',
  ]);
  // Told apart by the leases in /var alone.
  expect(found.nics.map(({ name }) => name)).toEqual(['ens192', 'ens224']);
  expect(digest()).toBe(before);

  const job = { scratchDir: join(folder, 'kept'), key: 'm/vm', now: () => performance.now(), warn: () => {} };
  const done = await convertDisks({ ...work(), ...job });
  expect(done).toMatchObject({ engine: 'appliance', reason: expect.stringContaining('btrfs') });
  expect(done.changes.map(({ path }) => path)).toEqual(found.changes.map(({ path }) => path));
  expect(stages).toContain('Checking what was written');
  lookInto(file, 'root', folder, (at) => {
    const link = join(at, 'etc/systemd/network/10-tranship-ens192.link');
    expect(readFileSync(link, 'utf8')).toContain('MACAddress=00:50:56:aa:00:05');
    const told = execFileSync('getfattr', ['--only-values', '-n', 'security.selinux', '--absolute-names', link]);
    expect(told.toString().replace(/\0$/, '')).toBe(label);
    expect(statSync(join(at, 'etc/default/grub'))).toMatchObject({ uid: 7, gid: 7 });
    expect(readFileSync(join(at, 'etc/initramfs-tools/modules'), 'utf8')).toContain('virtio_blk');
  });
  lookInto(file, 'boot', folder, (at) => {
    expect(readFileSync(join(at, 'grub/grub.cfg'), 'utf8')).toContain('console=ttyS0,115200');
    expect(readFileSync(join(at, `initrd.img-${version}`)).includes('virtio_blk')).toBe(false);
    expect(statSync(join(at, `initrd.img-${version}`)).size).toBeGreaterThan(400);
  });
  expect(running()).toEqual([]);
  expect(readdirSync(join(folder, 'kept/convert'))).toEqual(['result.json']);
});

test('appliance - ended while it starts, nothing of it is left and the disk is what it was', { timeout }, async () => {
  const before = digest();
  const stop = new AbortController();
  const converted = inspectDisks(work(stop.signal));
  const outcome = converted.then(
    () => 'done',
    () => 'ended',
  );
  while (!running().some((line) => line.includes('qemu-system')))
    await new Promise((resolve) => setTimeout(resolve, 50));
  stop.abort();
  expect(await outcome).toBe('ended');
  await expect.poll(running).toEqual([]);
  expect(readdirSync(join(folder, 'scratch'))).toEqual([]);
  expect(digest()).toBe(before);
  expect(existsSync(join(folder, 'kept'))).toBe(false);
});
