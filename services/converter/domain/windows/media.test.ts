import { expect, test } from 'vitest';
import { chooseFiles } from './media.ts';
import { driverFolder } from './windows.ts';

const all = ['viostor', 'vioscsi', 'NetKVM', 'Balloon', 'vioserial', 'viorng'];
const tree = (windows: string, arch = 'amd64', below = '') =>
  all.flatMap((driver) =>
    ['inf', 'sys', 'cat'].map((end) => `${below}${driver}/${windows}/${arch}/${driver.toLowerCase()}.${end}`),
  );

test('media - the drivers of this very Windows, at any depth and in any case; no symbols, none of SR-IOV', () => {
  const others = [
    ...tree('2k19'),
    ...tree('2k22', 'ARM64'),
    'NetKVM/2k22/amd64/netkvm.pdb',
    'NetKVM/2k22/amd64/vioprot.inf',
    'viogpudo/2k22/amd64/viogpudo.inf',
    'guest-agent/qemu-ga-i386.msi',
    'guest-agent/qemu-ga-x86_64.msi',
  ];
  const found = chooseFiles([...tree('2K22', 'AMD64', 'drivers/by-driver/'), ...others], '2k22');
  expect([...found.drivers.keys()].sort()).toEqual(
    all.flatMap((driver) => ['cat', 'inf', 'sys'].map((end) => `${driver.toLowerCase()}.${end}`)).sort(),
  );
  expect(found.drivers.get('netkvm.inf')).toBe('drivers/by-driver/NetKVM/2K22/AMD64/netkvm.inf');
  expect(found).toMatchObject({ agent: 'guest-agent/qemu-ga-x86_64.msi', absent: [], vitalAbsent: [] });
});

test('media - what is not there is named, the vital apart', () => {
  expect(chooseFiles(tree('2k22'), '2k25')).toMatchObject({
    vitalAbsent: ['viostor', 'vioscsi', 'netkvm'],
    absent: ['balloon', 'vioserial', 'viorng'],
  });
  const broken = tree('w11').filter((path) => !path.endsWith('vioscsi.sys') && !path.startsWith('Balloon'));
  expect(chooseFiles(broken, 'w11')).toMatchObject({ vitalAbsent: ['vioscsi'], absent: ['balloon'] });
});

test.each([
  [14_393, true, '2k16'],
  [17_763, true, '2k19'],
  [20_348, true, '2k22'],
  [26_100, true, '2k25'],
  [9600, true, undefined],
  [10_240, false, undefined],
  [19_045, false, 'w10'],
  [26_100, false, 'w11'],
])('media - build %i, server %s: %s', (build, server, folder) => {
  expect(driverFolder({ name: '', version: `10.0.${build}`, arch: 'x86_64', build, server })).toBe(folder);
});

test('media - other processors and older lines have none', () => {
  const windows = { name: '', version: '10.0.22631', arch: 'aarch64', build: 22_631, server: false };
  expect(driverFolder(windows)).toBeUndefined();
  expect(driverFolder({ ...windows, arch: 'x86_64', version: '6.3.22631' })).toBeUndefined();
});
