import { expect, test } from 'vitest';
import { type Course, judge, type Seen } from './judge.ts';
import { head, line, reasons } from './render.ts';
import { parseReport } from './report.ts';
import { cellsOf, covering, nameOf, pairs, product } from './table.ts';

const report = (driver: string) =>
  parseReport(
    [
      'noise',
      'MARK begin 6.1.0 up=30.1',
      `MARK nic name=ens192 mac=00:50:56:aa:bb:01 driver=${driver} ip=192.168.76.10/24 fd00:76::10/64 `,
      'MARK mount / ext4 8f0e /',
      'MARK mount /home btrfs 8f0e /@home',
      'MARK swap partition 5a9b',
      'MARK gw=192.168.76.2 ping=ok',
      'MARK failed-units=old.service ',
      'MARK end',
      '',
    ].join('\n'),
  );
const seen = (driver: string, given: Partial<Seen> = {}): Seen => ({
  outcome: 'up',
  seconds: 41.6,
  report: report(driver),
  tail: ['the last line'],
  ...given,
});
const course = (given: Partial<Course> = {}): Course => ({
  cell: product[0]!,
  before: seen('vmxnet3'),
  unconverted: seen('vmxnet3', { outcome: 'stuck' }),
  conversion: { engine: 'direct', seconds: 0.53, again: [] },
  after: seen('virtio_net'),
  ...given,
});
const changed = (given: Partial<Seen['report']>) =>
  judge(course({ after: seen('virtio_net', { report: { ...report('virtio_net'), ...given } }) }));

test('report - NICs with all their addresses, mounts, swap, and what failed', () => {
  expect(report('vmxnet3')).toEqual({
    nics: [
      {
        mac: '00:50:56:aa:bb:01',
        name: 'ens192',
        driver: 'vmxnet3',
        addresses: ['192.168.76.10/24', 'fd00:76::10/64'],
      },
    ],
    mounts: ['/ ext4 8f0e /', '/home btrfs 8f0e /@home'],
    swaps: ['partition 5a9b'],
    ping: true,
    failedUnits: ['old.service'],
  });
});

test('judge - as before: nothing to say, of a unit that failed before neither', () => {
  expect(judge(course())).toEqual([]);
});

test('judge - another name, a lost address, mount, swap or gateway, a unit that fails now', () => {
  const [nic] = report('virtio_net').nics;
  expect(changed({ nics: [{ ...nic!, name: 'enp1s0', addresses: [] }] })).toEqual([
    'ens192 is now enp1s0',
    'ens192 had 192.168.76.10/24 fd00:76::10/64, now nothing',
  ]);
  expect(changed({ nics: [] })).toEqual(['ens192 (00:50:56:aa:bb:01) is gone']);
  expect(changed({ mounts: ['/ ext4 8f0e /'] })).toEqual(['mount /home btrfs 8f0e /@home is gone']);
  expect(changed({ swaps: [] })).toEqual(['swap partition 5a9b is gone']);
  expect(changed({ ping: false })).toEqual(['its gateway does not answer any more']);
  expect(changed({ failedUnits: ['new.service', 'old.service'] })).toEqual(['new.service failed']);
});

test('judge - a trial that proves nothing fails: it boots unconverted, or was not well before', () => {
  expect(judge(course({ unconverted: seen('virtio_net') }))[0]).toContain('expected to find no disk');
  expect(judge(course({ before: seen('e1000e') }))).toEqual(['ens192 is no vmxnet3 before']);
  expect(judge(course({ cell: { ...product[0]!, nics: 3 } }))).toEqual(['it has 1 NICs before']);
});

test('judge - a refusal, a boot that stops, a second conversion that would change something', () => {
  const refused = { engine: '', seconds: 0, refusal: 'guest.x-unsupported: y', again: [] };
  expect(judge(course({ conversion: refused }))).toEqual(['not converted: guest.x-unsupported: y']);
  const stopped = course({ after: seen('', { outcome: 'stuck' }) });
  expect(judge(stopped)).toEqual(['converted it does not boot: stuck']);
  expect(reasons(stopped, judge(stopped)).at(-1)).toContain('the last line');
  expect(judge(course({ conversion: { engine: 'direct', seconds: 1, again: ['/etc/fstab'] } }))).toEqual([
    'a second conversion would change /etc/fstab',
  ]);
});

test('render - a row of Markdown: seconds of each part, and the word', () => {
  expect(head.split('\n')[0]!.split('|')).toHaveLength(line(course(), []).split('|').length);
  expect(line(course(), [])).toBe('| `debian-12/bios/ext4/plain/ifupdown/1` | 42 s | direct | 0.5 s | 42 s | passed |');
});

test('table - in few guests every two values meet', () => {
  const few = covering();
  expect(few.length).toBeLessThan(16);
  expect(new Set(few.flatMap(pairs))).toEqual(new Set(product.flatMap(pairs)));
});

test('table - words choose from the cover, a whole name or a rare mix from all, and no guest is made up', () => {
  expect(cellsOf([])).toEqual(covering());
  expect(cellsOf(['all'])).toHaveLength(288);
  for (const cell of cellsOf(['xfs', 'lvm'])) expect(cell).toMatchObject({ fileSystem: 'xfs', volume: 'lvm' });
  expect(cellsOf(['debian-12/efi/btrfs/lvm/netplan/3']).map(nameOf)).toEqual(['debian-12/efi/btrfs/lvm/netplan/3']);
  expect(() => cellsOf(['zfs'])).toThrow(RangeError);
  expect(() => cellsOf(['xfs', 'ext4'])).toThrow(RangeError);
});
