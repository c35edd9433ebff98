import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installAppliance } from '../../lab/setup/packages.ts';
import { convertDisks } from './acts/convert.ts';
import { inspectDisks } from './acts/inspect.ts';
import { bootAt, encryptedDisk, encryptedMiB, passphrases, rootUuid } from './testing/encrypted.ts';
import { debugfs, version } from './testing/image.ts';

/** The appliance runs in software here: tens of seconds a start. */
const timeout = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'tranship-encrypted-'));
const file = join(folder, 'disk.img');
const scratch = join(folder, 'scratch');
beforeAll(installAppliance, 600_000);
beforeAll(() => {
  mkdirSync(scratch);
  encryptedDisk(file, mkdtempSync(join(folder, 'made-')));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex');
const nics = ['5', '6'].map((end) => ({ mac: `00:50:56:aa:00:0${end}`, addresses: [`10.0.0.${end}`] }));
const told: string[] = [];
const work = (keys?: Readonly<Record<string, string>>) => {
  const images = [{ index: 0, path: file, sizeBytes: encryptedMiB * 1024 ** 2 }];
  const signal = AbortSignal.timeout(timeout);
  const luksKeysDir = keys && mkdtempSync(join(folder, 'keys-'));
  for (const [name, key] of Object.entries(keys ?? {})) writeFileSync(join(luksKeysDir!, name), key);
  const tell = (stage: string) => void told.push(stage);
  return { images, nics, mediaDir: folder, scratch, applianceEngine: true, luksKeysDir, signal, tell };
};

/** What shows of a key while work goes on: in the arguments or the environment of any process, or in a file of ours. */
async function watched<T>(working: Promise<T>): Promise<{ done: T; seen: string[] }> {
  const seen = new Set<string>();
  const look = (path: string) => {
    try {
      if (statSync(path).size < 1024 ** 2 && readFileSync(path, 'latin1').includes('sesame')) seen.add(path);
    } catch {
      // It has ended, or is a folder.
    }
  };
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      for (const name of ['cmdline', 'environ']) look(`/proc/${pid}/${name}`);
    for (const at of [scratch, join(folder, 'kept')]) for (const name of filesBelow(at)) look(join(at, name));
  }, 500);
  try {
    return { done: await working, seen: [...seen] };
  } finally {
    clearInterval(timer);
  }
}
const filesBelow = (at: string): string[] => {
  try {
    return readdirSync(at, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
};

test('encrypted - without keys it is refused with the way to give them, and with other keys by what these do not open', {
  timeout,
}, async () => {
  const before = digest();
  const bare = await inspectDisks(work());
  expect(bare).toMatchObject({ supported: false, engine: 'none', concerns: [{ id: 'guest.luks-unsupported' }] });
  expect(bare.concerns[0]!.fix).toContain('luks: {secret: NAME}');
  const { done, seen } = await watched(inspectDisks(work({ wrong: 'sesame, perhaps\n', data: passphrases.var })));
  const [concern] = done.concerns;
  expect(concern).toMatchObject({ id: 'guest.luks-key', category: 'critical' });
  expect(concern!.why).toContain('disk 0, partition 2: none of the keys opens it (data, wrong): No key available');
  expect(JSON.stringify([done, told, seen])).not.toContain('sesame');
  expect(digest()).toBe(before);
});

test('encrypted - LVM in LUKS2 and LUKS1 in LVM are opened, converted and closed again; a second run finds nothing to do', {
  timeout,
}, async () => {
  const keys = { root: `${passphrases.root}\n`, var: passphrases.var };
  const kept = join(folder, 'kept');
  const job = {
    ...work(keys),
    scratchDir: kept,
    key: 'm/vm',
    now: () => performance.now(),
    warn: told.push.bind(told),
  };
  const initrd = `/initrd.img-${version}`;
  const size = () => Number(/Size: (\d+)/.exec(debugfs(file, bootAt, [`stat ${initrd}`]))?.[1]);
  const before = size();
  const { done, seen } = await watched(convertDisks(job));
  expect(done).toMatchObject({ engine: 'appliance', reason: expect.stringContaining('(LUKS)') });
  expect(done.changes.find(({ path }) => path === '/etc/crypttab')?.after).toBe(
    `sda2_crypt UUID=${rootUuid} none luks,discard\nvar_crypt /dev/my-vg/split none luks\n`,
  );
  expect(done.changes.map(({ path }) => path)).not.toContain('/etc/fstab');
  // Told apart by the leases in /var alone.
  expect(done.nics.map(({ name }) => name)).toEqual(['ens192', 'ens224']);
  expect(size()).toBeGreaterThan(before);
  expect(seen).toEqual([]);
  expect(JSON.stringify([done, told])).not.toContain('sesame');
  expect(readdirSync(join(kept, 'convert'))).toEqual(['result.json']);

  const after = digest();
  const again = await inspectDisks(work(keys));
  expect(again).toMatchObject({ supported: true, engine: 'appliance', changes: [], fragile: [] });
  expect(again.mounts.map(({ at, place }) => `${at} ${place}`).sort()).toEqual([
    '/ my-vg/root',
    '/boot disk 0, partition 1',
    '/var my-vg/split, opened',
  ]);
  expect(again.volumes.flatMap(({ place, holds }) => (holds === 'luks' ? [place] : []))).toEqual([
    'disk 0, partition 2',
    'disk 0, partition 3',
    'my-vg/split',
  ]);
  expect(again.concerns.filter(({ id }) => id === 'guest.encrypted').map(({ why }) => why)).toEqual([
    'disk 0, partition 2 is encrypted (LUKS)',
    'my-vg/split is encrypted (LUKS)',
  ]);
  expect(digest()).toBe(after);
});
