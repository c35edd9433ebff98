import { readFileSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dword, sz } from './domain/windows/registry.ts';
import { writeAt } from './testing/image.ts';
import { adapter, mediaWith, softwareKeys, windowsDisk } from './testing/windows.ts';
import { windowsCase } from './testing/windows-case.ts';

const mib = 1024 ** 2;
const { folder, media, disk, digest, inspect, convert } = windowsCase();

/** The place of a byte pattern in the volume, behind `from`. */
const find = (pattern: Buffer, from = 0) => {
  const at = readFileSync(disk()).indexOf(pattern, from);
  expect(at).toBeGreaterThan(0);
  return at;
};

test('windows - a volume that asks to be checked: told while it runs, refused when it is off', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const image = readFileSync(disk());
  const table = Number(image.readBigUInt64LE(mib + 48)) * image.readUInt8(mib + 13) * 512 + mib;
  const information = image.indexOf(Buffer.from([3, 1, 0, 0]), table + 3 * 1024);
  expect(information).toBeLessThan(table + 4 * 1024);
  writeAt(disk(), Buffer.from([1]), information + 2);
  const before = digest();
  const found = await inspect();
  expect(found).toMatchObject({ supported: true });
  expect(found.concerns).toContainEqual(
    expect.objectContaining({
      id: 'guest.dirty',
      category: 'warning',
      fix: expect.stringContaining('Shut the guest down'),
    }),
  );
  await expect(convert()).rejects.toMatchObject({ code: 'guest.dirty' });
  expect(digest()).toBe(before);
});

test('windows - a log whose records are not in their place: refused', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const page = Buffer.alloc(4096);
  page.write('RSTR');
  page.writeUInt16LE(30, 4);
  page.writeUInt16LE(9, 6);
  page.writeUInt32LE(4096, 16);
  page.writeUInt32LE(4096, 20);
  page.writeUInt16LE(64, 24);
  // A client uses it, and the flag of a clean volume is not set.
  page.writeUInt16LE(0, 64 + 12);
  // mkntfs fills its log, which is larger than anything else, with ones.
  const log = find(Buffer.alloc(65536, 0xff), mib);
  writeAt(disk(), page, Math.ceil(log / 4096) * 4096);
  await expect(convert()).rejects.toMatchObject({ code: 'guest.dirty' });
});

test('windows - a registry whose last writes lie in its logs: told while it runs, refused when it is off', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  // Its first number of order is ahead of the second; the sum over its head is right.
  const at = find(Buffer.from('regf'), mib);
  const head = readFileSync(disk()).subarray(at, at + 512);
  const order = head.readUInt32LE(4);
  head.writeUInt32LE(order + 1, 4);
  head.writeUInt32LE((head.readUInt32LE(508) ^ order ^ (order + 1)) >>> 0, 508);
  writeAt(disk(), head, at);
  expect((await inspect()).concerns).toContainEqual(
    expect.objectContaining({ id: 'guest.dirty', category: 'warning' }),
  );
  await expect(convert()).rejects.toMatchObject({ code: 'guest.dirty' });
  // One that makes no sense as it is now is no reason to refuse a guest that runs.
  writeAt(disk(), Buffer.alloc(4), at + 508);
  expect(await inspect()).toMatchObject({ supported: true, os: { family: 'windows' } });
});

test.each([
  ['hibr', 'guest.hibernated'],
  ['HIBR', 'guest.hibernated'],
  ['wake', undefined],
])('windows - hiberfil.sys with %s: %s', async (head, code) => {
  mediaWith(media());
  const sleep = Buffer.alloc(8192);
  sleep.write(head);
  await windowsDisk(disk(), folder(), { files: { '/hiberfil.sys': sleep } });
  if (code === undefined) return expect((await convert()).changes.length).toBeGreaterThan(5);
  await expect(convert()).rejects.toMatchObject({ code });
  expect((await inspect()).concerns).toContainEqual(
    expect.objectContaining({ id: code, fix: expect.stringContaining('powercfg /h off') }),
  );
});

test('windows - what is out of reach is refused by name, with what to do', async () => {
  const refused = async (
    given: Parameters<typeof windowsDisk>[2],
    windows: string | undefined,
    without: string[] = [],
  ) => {
    rmSync(media(), { recursive: true, force: true });
    if (windows) mediaWith(media(), windows, without);
    await windowsDisk(disk(), folder(), given);
    const found = await inspect();
    const error = await convert().catch((each) => each);
    const [critical] = found.concerns.filter(({ category }) => category === 'critical');
    expect(error).toMatchObject({ code: critical?.id });
    expect(critical!.fix).not.toBe('');
    return `${found.supported} ${critical!.id}: ${critical!.why}`;
  };
  const old = softwareKeys({
    ProductName: sz('Windows Server 2012 R2 Standard'),
    CurrentBuildNumber: sz('9600'),
    CurrentMajorVersionNumber: dword(6),
  });
  expect(await refused({ software: old }, '2k22')).toContain(
    'false guest.windows-unsupported: Windows Server 2012 R2 Standard',
  );
  const small = softwareKeys({ BuildLabEx: sz('19041.1.x86fre.vb_release') });
  expect(await refused({ software: small }, '2k22')).toContain('false guest.windows-unsupported');
  expect(await refused({}, '2k19')).toBe(
    'false guest.drivers-missing: viostor, vioscsi, netkvm for Windows Server 2022 Standard 10.0.20348',
  );
  expect(await refused({}, undefined)).toContain('guest.drivers-missing');
  expect(await refused({}, '2k22', ['vioscsi'])).toContain('guest.drivers-missing: vioscsi for');
  const full = { '/Windows/full.bin': Buffer.alloc(8 * mib, 1) };
  expect(await refused({ sizeMiB: 12, files: full }, '2k22')).toContain('false guest.no-space');
});

test('windows - BitLocker is refused: to suspend it is not enough', async () => {
  await windowsDisk(disk(), folder());
  writeAt(disk(), Buffer.from('-FVE-FS-'), mib + 3);
  const found = await inspect();
  expect(found).toMatchObject({ supported: false, os: { family: 'windows' } });
  expect(found.concerns[0]).toMatchObject({
    id: 'guest.bitlocker-unsupported',
    fix: expect.stringContaining('manage-bde -off'),
  });
  await expect(convert()).rejects.toMatchObject({ code: 'guest.bitlocker-unsupported' });
});

test('windows - a NIC that the registry does not tell is told, not guessed', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const nics = [
    { mac: adapter.mac, addresses: ['10.0.0.9/24'] },
    { mac: '00:50:56:aa:00:02', addresses: [] },
  ];
  const found = await inspect(nics);
  expect(found.nics).toEqual([{ mac: adapter.mac, name: 'Ethernet0', addresses: ['10.0.0.9/24'] }]);
  expect(found.concerns.map(({ id, why }) => `${id} ${why}`)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^guest.nic-settings NIC 00:50:56:aa:00:02/),
      expect.stringMatching(/^guest.address-differs NIC 00:50:56:aa:00:01.*10\.0\.0\.5.*10\.0\.0\.9/),
    ]),
  );
});
