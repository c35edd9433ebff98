import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StepInput, steps, type TargetDisk } from '@tranship/contracts';
import { systemClock } from '@tranship/service-kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inspect } from './handlers/inspect.ts';
import { debugfs, folderOf, guestFiles, journalled, plainDisk } from './testing/image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-inspect-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mib = 1024 ** 2;
const image = () => join(folder, 'disks/0/disk.img');
const digest = () => createHash('sha256').update(readFileSync(image())).digest('hex');
const disk: TargetDisk = {
  ...{ index: 0, key: 2000, file: '[ds] a/a.vmdk', sizeBytes: 64 * mib, storageClass: 'fast' },
  ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bus: 'virtio' } as const),
};
const input: StepInput<'inspect'> = {
  ...{ migration: 'm', vm: 'vm-1', workbench: 'w', disks: [disk] },
  nics: [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.6/24'] }],
};
/** As the workbench runs it: on the copy, where the volumes are mounted. */
const inspected = async () => {
  const folders = {
    disksDir: join(folder, 'disks'),
    scratchDir: join(folder, 'scratch'),
    mediaDir: join(folder, 'none'),
  };
  const context = { clock: systemClock, signal: AbortSignal.timeout(60_000) };
  return steps.inspect.result.parse(await inspect({ ...folders, devicesDir: '/none' }, input, context));
};

function guest(more: Readonly<Record<string, string | Buffer>> = {}) {
  mkdirSync(join(folder, 'disks/0'), { recursive: true });
  plainDisk(image(), folderOf(join(folder, 'tree'), { ...guestFiles('/dev/sda1'), ...more }));
}
/** Makes a folder's first block nonsense. */
function scribble(path: string): void {
  const told = debugfs(image(), 1, [`blocks ${path}`, 'stats -h']);
  const [block, size] = [/^(\d+) $/m, /^Block size: +(\d+)/m].map((each) => Number(each.exec(told)?.[1]));
  const file = openSync(image(), 'r+');
  writeSync(file, Buffer.alloc(64, 0xff), 0, 64, mib + block! * size!);
  closeSync(file);
}
/** As a snapshot of a guest that runs leaves it: mounted, with a journal to be replayed. */
const running = () => debugfs(image(), 1, ['feature needs_recovery', 'ssv state 0'], true);

test('inspect - the copy of a running guest is read as it is, in seconds, and not one byte of it is written', async () => {
  guest();
  running();
  const before = digest();
  const found = await inspected();
  expect(found).toMatchObject({ supported: true, engine: 'direct', os: { id: 'debian', version: '12' } });
  expect(found.concerns).toContainEqual(expect.objectContaining({ id: 'guest.dirty', category: 'warning' }));
  expect(found.concerns.filter(({ category }) => category === 'critical')).toEqual([]);
  expect(found.changes.find(({ path }) => path === '/etc/fstab')?.diff).toContain('+UUID=');
  expect(digest()).toBe(before);
  expect(existsSync(join(folder, 'scratch/inspect'))).toBe(false);
});

test('inspect - addresses in the guest’s files that vSphere did not report are told; the files win', async () => {
  guest();
  expect((await inspected()).concerns).toContainEqual(
    expect.objectContaining({
      ...{ id: 'guest.address-differs', category: 'warning' },
      why: expect.stringMatching(/10\.0\.0\.5\/24.*10\.0\.0\.6\/24/),
    }),
  );
});

test('inspect - a folder that only the journal of a running guest has whole is read as the journal has it, and not one byte is written', async () => {
  guest();
  journalled(image(), 1, folder, ['mkdir /etc/new']);
  scribble('/etc');
  const before = digest();
  const found = await inspected();
  expect(found).toMatchObject({ supported: true, engine: 'direct', os: { id: 'debian', version: '12' } });
  expect(found.concerns.map(({ id, category }) => [id, category])).toContainEqual(['guest.dirty', 'warning']);
  expect(found.changes.find(({ path }) => path === '/etc/fstab')?.diff).toContain('+UUID=');
  expect(digest()).toBe(before);
  expect(existsSync(join(folder, 'scratch/inspect'))).toBe(false);
});

test('inspect - what is not in its place yet of a running guest is told, and stands in the way of nothing; of one at rest it does', async () => {
  guest();
  scribble('/etc');
  expect(await inspected()).toMatchObject({
    supported: false,
    concerns: [{ id: 'guest.conversion', category: 'critical' }],
  });
  running();
  expect(await inspected()).toMatchObject({
    supported: true,
    concerns: [{ id: 'guest.dirty', category: 'warning', why: expect.stringContaining('while the guest writes') }],
  });
});

test('inspect - a guest that cannot be converted is a critical concern with its fix, not an error', async () => {
  guest({ '/usr/lib/os-release': 'ID=haiku\nNAME=Haiku\n' });
  const found = await inspected();
  expect(found).toMatchObject({ supported: false });
  expect(found.concerns).toContainEqual(
    expect.objectContaining({
      id: 'guest.os-unsupported',
      category: 'critical',
      fix: expect.stringContaining('convert: none'),
    }),
  );
  writeFileSync(image(), Buffer.alloc(64 * mib));
  expect(await inspected()).toMatchObject({ supported: true, os: { family: 'none' }, concerns: [] });
});
