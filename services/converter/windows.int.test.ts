import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { convertFiles } from './acts/offline.ts';
import { Journal } from './adapters/journal.ts';
import { marks } from './adapters/marks.ts';
import { NtfsFs } from './adapters/ntfs-fs.ts';
import { binary, dword } from './domain/windows/registry.ts';
import { adapter, mediaWith, ntfsTools, onVolume, product, systemKeys, windowsDisk } from './testing/windows.ts';
import { windowsCase } from './testing/windows-case.ts';

const mib = 1024 ** 2;
const { tool, folder, media, disk, base, digest, inspect, convert, read, hive } = windowsCase();

test('windows - before anything is changed: what it is, and every change with its text', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const before = digest();
  const found = await inspect();
  expect(found).toMatchObject({
    supported: true,
    engine: 'direct',
    os: { family: 'windows', name: 'Windows Server 2022 Standard', version: '10.0.20348', arch: 'x86_64' },
    network: {
      managers: ['registry'],
      configs: [{ name: 'Ethernet0', mac: adapter.mac, addresses: [...adapter.addresses] }],
    },
    nics: [{ mac: adapter.mac, name: 'Ethernet0' }],
    tools: ['VMTools'],
  });
  expect(found.concerns.map(({ id, category }) => `${id} ${category}`)).toEqual(['guest.first-start information']);
  expect(found.mounts[0]!.freeBytes).toBeGreaterThan(30 * mib);
  const diffs = Object.fromEntries(found.changes.map(({ path, diff }) => [path, diff ?? '']));
  const system = diffs['/Windows/System32/config/SYSTEM']!;
  expect(system).toContain('+[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Services\\viostor]\n+"Type"=dword:00000001');
  expect(system).toContain('-"SanPolicy"=dword:00000002\n+"SanPolicy"=dword:00000001');
  expect(diffs['/Windows/System32/config/SOFTWARE']).toContain(
    '+"DevicePath"=expand:"%SystemRoot%\\\\inf;%SystemRoot%\\\\Drivers\\\\VirtIO"',
  );
  expect(diffs['/Windows/Tranship/first-start.cmd']).toContain(`call :nic 005056AA0001 ${adapter.id} 0000000900000600`);
  expect(digest()).toBe(before);
});

/** What virt-v2v writes for a Windows of this kind (windows-v2v.slow.test.ts), with the names that one gives its own entry of the database. */
function ofVirtV2v(driver: string, ids: readonly string[], inf: string, conf: string): string[] {
  const label = `${inf}_amd64_0000000000000000`;
  const database = 'DriverDatabase';
  const service = `ControlSet001\\Services\\${driver}`;
  return [
    `${service} "ErrorControl"=dword:00000001`,
    `${service} "Group"=str(1):"SCSI miniport"`,
    `${service} "ImagePath"=str(2):"system32\\drivers\\${driver}.sys"`,
    `${service} "Start"=dword:00000000`,
    `${service} "Type"=dword:00000001`,
    `${database}\\DriverInfFiles\\${inf} @=["${label}"]`,
    `${database}\\DriverInfFiles\\${inf} "Active"=str(1):"${label}"`,
    `${database}\\DriverInfFiles\\${inf} "Configurations"=["${conf}"]`,
    `${database}\\DriverPackages\\${label} "Version"=hex(3):00,ff,09,00,00,00,00,00,7b,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,e1,03,18${',00'.repeat(24)}`,
    `${database}\\DriverPackages\\${label}\\Configurations\\${conf} "ConfigFlags"=dword:00000000`,
    `${database}\\DriverPackages\\${label}\\Configurations\\${conf} "Service"=str(1):"${driver}"`,
    ...ids.flatMap((id) => [
      `${database}\\DeviceIds\\PCI\\${id} "${inf}"=hex(3):01,ff,00,00`,
      `${database}\\DriverPackages\\${label}\\Descriptors\\PCI\\${id} "Configuration"=str(1):"${conf}"`,
    ]),
  ];
}

test('windows - key by key what virt-v2v writes, for both drivers; what was there stays', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const before = { system: hive('SYSTEM'), software: hive('SOFTWARE') };
  const done = await convert();
  expect(done).toMatchObject({
    engine: 'direct',
    os: 'Windows Server 2022 Standard',
    nics: [{ mac: adapter.mac, name: 'Ethernet0' }],
    agent: 'later',
  });
  const added = (after: string[], was: string[]) => after.filter((line) => !was.includes(line)).sort();
  const set = 'ControlSet001';
  const first = `${set}\\Services\\tranship-first-start`;
  const cmd = '%SystemRoot%\\System32\\cmd.exe';
  expect(added(hive('SYSTEM'), before.system)).toEqual(
    [
      ...ofVirtV2v(
        'viostor',
        ['VEN_1AF4&DEV_1001&REV_00', 'VEN_1AF4&DEV_1042&REV_01'],
        'tranship-viostor.inf',
        'tranship_conf',
      ),
      ...ofVirtV2v(
        'vioscsi',
        ['VEN_1AF4&DEV_1004&REV_00', 'VEN_1AF4&DEV_1048&REV_01'],
        'tranship-vioscsi.inf',
        'tranship_conf',
      ),
      `${set}\\Services\\partmgr\\Parameters "SanPolicy"=dword:00000001`,
      `${set}\\Control\\TimeZoneInformation "RealTimeIsUniversal"=dword:00000001`,
      `${set}\\Services\\VMTools "Start"=dword:00000004`,
      `${first} "DisplayName"=str(1):"Tranship: first start on KVM"`,
      `${first} "ErrorControl"=dword:00000000`,
      `${first} "ImagePath"=str(2):"${cmd} /c start \\"\\" /b ${cmd} /c %SystemRoot%\\Tranship\\first-start.cmd"`,
      `${first} "ObjectName"=str(1):"LocalSystem"`,
      `${first} "Start"=dword:00000002`,
      `${first} "Type"=dword:00000010`,
    ].sort(),
  );
  expect(added(hive('SOFTWARE'), before.software)).toEqual([
    'Microsoft\\Windows\\CurrentVersion "DevicePath"=str(2):"%SystemRoot%\\inf;%SystemRoot%\\Drivers\\VirtIO"',
  ]);
  // Gone is only what was replaced: letters, addresses and the DHCP client's state are untouched.
  expect(added(before.system, hive('SYSTEM')).map((line) => line.split(' ')[1])).toEqual([
    '"Start"=dword:00000002',
    '"SanPolicy"=dword:00000002',
  ]);
  expect(hive('SYSTEM', 'MountedDevices')).toEqual(before.system.filter((line) => line.startsWith('MountedDevices ')));
});

test('windows - an agent that it has already, and starts by itself, is there; one that is off is not', async () => {
  mediaWith(media());
  const qemuGa = (start: number) => ({ key: 'ControlSet001\\Services\\QEMU-GA', values: { Start: dword(start) } });
  await windowsDisk(disk(), folder(), { system: [...systemKeys, qemuGa(2)] });
  expect((await convert()).agent).toBe('present');
  await windowsDisk(disk(), folder(), { system: [...systemKeys, qemuGa(4)] });
  expect((await convert('m/other')).agent).toBe('later');
});

test('windows - a database of drivers that is not there: the list of critical devices instead', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder(), { system: systemKeys.filter(({ key }) => !key.startsWith('DriverDatabase')) });
  await convert();
  const list = hive('SYSTEM', 'ControlSet001\\Control\\CriticalDeviceDatabase');
  expect(list.filter((line) => line.includes('DEV_1042')).sort()).toEqual([
    'ControlSet001\\Control\\CriticalDeviceDatabase\\PCI#VEN_1AF4&DEV_1042&REV_01 "ClassGUID"=str(1):"{4D36E97B-E325-11CE-BFC1-08002BE10318}"',
    'ControlSet001\\Control\\CriticalDeviceDatabase\\PCI#VEN_1AF4&DEV_1042&REV_01 "Service"=str(1):"viostor"',
  ]);
  expect(list.filter((line) => line.includes('"Service"=str(1):"vioscsi"'))).toHaveLength(2);
});

test('windows - files lie where Windows looks, with the rights of their folder, on a volume that NTFS tools find sound', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  await convert();
  expect(read('/Windows/System32/drivers/viostor.sys').toString()).toBe('viostor sys of 2k22');
  expect(read('/Windows/System32/drivers/vioscsi.sys').toString()).toBe('vioscsi sys of 2k22');
  expect(read('/Windows/Drivers/VirtIO/netkvm.inf').toString()).toBe('netkvm inf of 2k22');
  expect(read('/Windows/Tranship/qemu-ga-x86_64.msi').toString()).toBe('installer');
  const script = read('/Windows/Tranship/first-start.cmd').toString();
  expect(script).toContain(`msiexec.exe /x ${product} `);
  expect(script.split('\r\n').length).toBe(script.split('\n').length);
  onVolume(disk(), folder(), (volume) => {
    const names = ntfsTools('ntfsls', '-p', '/Windows/Drivers/VirtIO', volume)
      .toString()
      .split('\n')
      .filter((name) => /^\w/.test(name));
    expect(names.sort()).toEqual(
      ['balloon', 'netkvm', 'viorng', 'vioscsi', 'vioser', 'viostor'].flatMap((name) =>
        ['cat', 'inf', 'sys'].map((end) => `${name}.${end}`),
      ),
    );
    ntfsTools('ntfsfix', '-n', volume);
    ntfsTools('ntfsresize', '-f', '-i', volume);
    const rights = ntfsTools('ntfssecaudit', '-v', volume, '/Windows/Tranship/first-start.cmd').toString();
    // S-1-1-0, everyone, as files get that libntfs-3g makes by itself.
    const hex = [...rights.matchAll(/^\s+[0-9a-f]{6} (( [0-9a-f]{8})+)$/gm)]
      .map(([, words]) => words!.replaceAll(' ', ''))
      .join('');
    expect(hex.length).toBeGreaterThan(100);
    expect(hex).not.toContain('010100000000000100000000');
  });
});

test('windows - a second run changes nothing; one that is asked again answers with what it did', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const done = await convert();
  const after = digest();
  expect(done.changes.map(({ path }) => path)).toContain('/Windows/System32/config/SYSTEM');
  expect((await convert()).changes).toEqual(done.changes);
  expect((await convert('m/other')).changes).toEqual([]);
  expect(digest()).toBe(after);
});

test('windows - names in another case are the same names', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder(), { files: { '/Windows/System32/drivers/VioStor.SYS': Buffer.from('old') } });
  await convert();
  expect(read('/Windows/System32/drivers/VioStor.SYS').toString()).toBe('viostor sys of 2k22');
  const names = onVolume(disk(), folder(), (volume) =>
    ntfsTools('ntfsls', '-p', '/Windows/System32/drivers', volume).toString(),
  );
  expect(names.toLowerCase().match(/viostor\.sys/g)).toHaveLength(1);
});

test('windows - what fails after the first write is put back to the last byte', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const before = digest();
  // The last check of the volume, which writes nothing, is made to fail.
  const bin = join(folder(), 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'tranship-ntfs'),
    `#!/bin/sh\ncat > ${bin}/in; test -s ${bin}/in || exit 1; touch ${bin}/wrote; exec ${tool()}/tranship-ntfs "$@" < ${bin}/in\n`,
  );
  chmodSync(join(bin, 'tranship-ntfs'), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${bin}:${path}`;
  try {
    await expect(convert()).rejects.toMatchObject({ code: 'guest.conversion' });
  } finally {
    process.env.PATH = path;
  }
  expect(existsSync(join(bin, 'wrote'))).toBe(true);
  expect(digest()).toBe(before);
  expect(existsSync(join(folder(), 'kept/disk-0.diverged'))).toBe(false);
});

test('windows - killed while it writes: put back to the last byte by who comes next', async () => {
  await windowsDisk(disk(), folder());
  const before = digest();
  const kept = join(folder(), 'kept');
  mkdirSync(kept);
  const journal = new Journal(kept, marks(kept));
  journal.begin([0]);
  const fs = new NtfsFs({ path: disk(), offset: mib, length: 60 * mib }, join(folder(), 'scratch'), base().signal);
  const target = { path: '/new', inner: '/new', what: 'folder' as const, mode: 0o040755, uid: 0, gid: 0 };
  await fs.write([{ ...target, attributes: new Map() }], journal.log(0, disk()));
  expect(digest()).not.toBe(before);
  new Journal(kept, marks(kept)).rollBack();
  expect(digest()).toBe(before);
});

test('windows - into an overlay: the disk stays as it is', async () => {
  mediaWith(media());
  await windowsDisk(disk(), folder());
  const before = digest();
  const overlay = join(folder(), 'overlay.qcow2');
  expect(await convertFiles({ ...base(), files: [disk()], overlay })).toMatchObject({ written: 'overlay' });
  expect(digest()).toBe(before);
  const flat = join(folder(), 'flat.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', overlay, flat], { timeout: 30_000 });
  renameSync(flat, disk());
  expect(read('/Windows/System32/drivers/vioscsi.sys').toString()).toBe('vioscsi sys of 2k22');
});

test('windows - UEFI: its loader is where a firmware without variables looks', async () => {
  mediaWith(media());
  const esp = join(folder(), 'esp');
  writeFileSync(esp, Buffer.alloc(16 * mib));
  writeFileSync(join(folder(), 'loader'), 'bootmgr');
  const mtools = { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', MTOOLS_SKIP_CHECK: '1' }, timeout: 20_000 };
  execFileSync('mkfs.vfat', ['-F', '16', esp], { ...mtools, stdio: 'ignore' });
  execFileSync('mmd', ['-i', esp, '::EFI', '::EFI/Boot', '::EFI/Microsoft', '::EFI/Microsoft/BOOT'], mtools);
  execFileSync('mcopy', ['-i', esp, join(folder(), 'loader'), '::EFI/Microsoft/BOOT/bootmgfw.efi'], mtools);
  await windowsDisk(disk(), folder(), { further: { type: 0xef, size: 16, content: readFileSync(esp) } });
  expect((await convert()).changes.map(({ path }) => path)).toContain('/esp/EFI/Boot/BOOTX64.EFI');
  writeFileSync(esp, readFileSync(disk()).subarray(61 * mib, 77 * mib));
  expect(execFileSync('mtype', ['-i', esp, '::EFI/BOOT/BOOTX64.EFI'], mtools).toString()).toBe('bootmgr');
});

test('windows - a driver that was installed before, and found no device: it starts with Windows, and keeps its other values', async () => {
  mediaWith(media());
  const own = {
    key: 'ControlSet001\\Services\\viostor',
    values: { Start: dword(3), Tag: dword(33), Owners: binary(Buffer.from('oem7')) },
  };
  const override = { key: `${own.key}\\StartOverride`, values: { '0': dword(3) } };
  await windowsDisk(disk(), folder(), { system: [...systemKeys, own, override] });
  await convert();
  expect(hive('SYSTEM', override.key)).toEqual([`${override.key} "0"=dword:00000000`]);
  const lines = hive('SYSTEM', 'ControlSet001\\Services\\viostor').map((line) => line.split(' ')[1]);
  expect(lines).toEqual(expect.arrayContaining(['"Start"=dword:00000000', '"Tag"=dword:00000021']));
});
