import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { installAppliance } from '../../lab/setup/packages.ts';
import { environment } from './adapters/appliance/environment.ts';
import { exported } from './testing/hives.ts';
import { mediaWith, ntfsTools, onVolume, portableProgram, windowsDisk } from './testing/windows.ts';
import { windowsCase } from './testing/windows-case.ts';

/** virt-v2v wants 100 MiB free. */
const sizeMiB = 200;
/** Its appliance runs in software here. */
const timeout = 600_000;
/** MiB; virt-v2v takes nearly three times of what it is told. */
const memory = 256;
const { folder, media, disk, convert } = windowsCase();
beforeAll(installAppliance, timeout);

/** All values of both hives. */
const seen = (image: string) => {
  const hives = (['SYSTEM', 'SOFTWARE'] as const).flatMap((name) => {
    const file = join(folder(), name);
    const read = (volume: string) => ntfsTools('ntfscat', volume, `/Windows/System32/config/${name}`);
    writeFileSync(file, onVolume(image, folder(), read, sizeMiB));
    return exported(file, '\\').map((line) => `${name}\\${line}`);
  });
  return new Set(hives);
};

const driversIn = (image: string): string[] => {
  const list = (volume: string) => ntfsTools('ntfsls', '-p', '/Windows/Drivers/VirtIO', volume).toString().split('\n');
  return onVolume(image, folder(), list, sizeMiB).filter((name) => /^\w/.test(name));
};

const without = (lines: ReadonlySet<string>, others: ReadonlySet<string>) =>
  [...lines].filter((line) => !others.has(line)).sort();

function byVirtV2v(image: string): void {
  const tools = join(folder(), 'virt-tools');
  mkdirSync(tools);
  for (const name of ['rhsrvany.exe', 'pnp_wait.exe']) writeFileSync(join(tools, name), portableProgram());
  execFileSync('virt-v2v-in-place', ['-i', 'disk', image], {
    env: {
      ...environment(folder(), false, memory),
      VIRTIO_WIN: join(media(), 'windows'),
      VIRT_TOOLS_DATA_DIR: tools,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout,
  });
}

/** Its own names for its entry of the database; from 2.6 on it names devices without their subsystem, as ours does. */
const inOurWords = (line: string) =>
  line
    .replaceAll('guestor.inf_tmp', 'tranship-viostor.inf_amd64_0000000000000000')
    .replaceAll('guestor.inf', 'tranship-viostor.inf')
    .replaceAll('guestor_conf', 'tranship_conf')
    .replace(/&SUBSYS_[0-9A-F]{8}/, '');

test('windows - the registry after virt-v2v and after ours, key by key: what it writes, and what is ours besides', {
  timeout,
}, async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder(), { sizeMiB, files: { '/Windows/System32/cmd.exe': portableProgram() } });
  const theirs = join(folder(), 'theirs.img');
  copyFileSync(disk(), theirs);
  const before = seen(disk());
  byVirtV2v(theirs);
  await convert();
  const [afterTheirs, afterOurs] = [seen(theirs), seen(disk())];

  const added = new Set(without(afterTheirs, before).map(inOurWords));
  expect(added.size).toBeGreaterThan(15);
  const ours = new Set(without(afterOurs, before));
  // What runs at the first start is its own, and ours.
  expect(without(added, ours).filter((line) => !line.includes('\\Services\\firstboot'))).toEqual([]);
  const further = /vioscsi|\\Services\\(tranship-first-start|VMTools|partmgr\\Parameters) |RealTimeIsUniversal/;
  expect(without(ours, added).filter((line) => !further.test(line))).toEqual([]);
  expect(driversIn(theirs)).toEqual(expect.arrayContaining(['viostor.sys', 'netkvm.inf']));
  expect(driversIn(disk())).toEqual(expect.arrayContaining(driversIn(theirs).filter((name) => !name.endsWith('.pdb'))));
  // It replaces one value: where drivers are looked for.
  expect(without(before, afterTheirs)).toEqual([expect.stringContaining('"DevicePath"')]);
});
