import { type ErrorCode, TranshipError } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { firstChoice, secondChoice, type Wanted } from './method.ts';
import { Rate } from './rate.ts';
import { meaning, vddkArguments } from './vddk.ts';

const request = {
  plugin: 'vddk',
  libdir: '/opt/vddk',
  url: 'https://vc.example.com:8443/sdk',
  username: 'mover',
  passwordFile: '/run/password',
  thumbprint: 'AA:BB',
  vm: 'vm-7',
  file: '[fast ds] web/web.vmdk',
};

test('vddk - the command line is the one of production', () => {
  expect(vddkArguments({ ...request, snapshot: 'snapshot-3' }).join(' ')).toBe(
    'vddk libdir=/opt/vddk server=vc.example.com port=8443 user=mover password=+/run/password thumbprint=AA:BB ' +
      'vm=moref=vm-7 snapshot=snapshot-3 file=[fast ds] web/web.vmdk',
  );
  expect(vddkArguments({ ...request, url: 'https://vc/sdk' }).join(' ')).not.toContain('port=');
});

test.each([
  [
    'VixDiskLib_Open: Cannot complete login due to an incorrect user name or password. (Error code 3014)',
    'vsphere.login',
  ],
  ['VixDiskLib_Open: You do not have access rights to this file (Error code 13)', 'vsphere.denied'],
  ['VixDiskLib_ConnectEx: SSL certificate thumbprint does not match', 'vsphere.certificate'],
  ['VixDiskLib_ConnectEx: Could not connect to server', 'vsphere.unreachable'],
  [
    'VixDiskLib_Open: NfcFssrvrOpen: Failed to open file. The host has too many NFC connections. (Error code 4)',
    'transfer.busy',
  ],
  [
    'VixDiskLib_Open: The file is already in use: a powered-on VM is read from a snapshot. (Error code 13)',
    'source.contested',
  ],
  ['VixDiskLib_Open: [ssl] certificate-01/vm (3014).vmdk: The file is already in use', 'source.contested'],
  ['VixDiskLib_Open: [ds] thumbprint/not found.vmdk: Unknown error', 'transfer.open'],
  ['VixDiskLib_Open: Host is shutting down. (14014)', 'vsphere.host-away'],
  ['VixDiskLib_Read: The server is not available (Error code 14015)', 'vsphere.host-away'],
  ['VixDiskLib_Open: The host is in maintenance mode', 'vsphere.host-away'],
  ['VixDiskLib_Open: [maintenance mode] web/web (14014).vmdk: Unknown error', 'transfer.open'],
  ['something new', 'transfer.open'],
])('vddk - %s means %s', (text, code) => {
  expect(meaning(`nbdkit: vddk[1]: error: ${text}\n`)).toMatchObject({ code, detail: text });
});

const wanted = (more: Partial<Wanted> = {}): Wanted => ({ connection: { method: 'auto' }, how: 'full', ...more });
const nfc = { method: 'nfc', why: 'auto: vddk does not open the disk: no plugin' } as const;
const failed = (code: ErrorCode) => new TranshipError(code, 'no plugin');

test('method - as the provider says; auto begins with the disk library; a pass goes on as it began', () => {
  expect(firstChoice(wanted())).toMatchObject({ method: 'vddk', why: expect.stringContaining('auto') });
  for (const method of ['vddk', 'nfc'] as const)
    expect(firstChoice(wanted({ connection: { method } }))).toEqual({ method, why: 'as the provider says' });
  expect(firstChoice(wanted({ begun: nfc }))).toBe(nfc);
});

test('method - where the library does not open a disk, auto exports it', () => {
  expect(secondChoice(wanted(), failed('transfer.open'), false)).toEqual(nfc);
  expect(secondChoice(wanted({ how: 'compare' }), failed('transfer.open'), false)).toEqual(nfc);
});

const alone: [string, Partial<Wanted>, ErrorCode?, boolean?][] = [
  ['vddk was asked for', { connection: { method: 'vddk' } }],
  ['something is read already', { begun: { method: 'vddk', why: 'auto' } }],
  ['the VM runs', { snapshot: 'snapshot-1' }],
  ['it is a delta', { how: 'delta' }],
  ['the password is wrong', {}, 'vsphere.login'],
  ['the certificate is another', {}, 'vsphere.certificate'],
  ['nobody listens', {}, 'vsphere.unreachable'],
  ['the disk is in use', {}, 'source.contested'],
  ['the host has no session left', {}, 'transfer.busy'],
  ['the library opened another disk', {}, 'transfer.open', true],
];
test.each(alone)('method - nothing else is tried where %s', (_, more, code = 'transfer.open', works = false) => {
  expect(secondChoice(wanted(more), failed(code), works)).toBeUndefined();
});

const at = (second: number, doneBytes: number, readBytes = doneBytes) => ({ at: second * 1000, doneBytes, readBytes });

test('rate - of what was read in the last 60 s; the time that is left by what was done', () => {
  const rate = new Rate();
  rate.add(at(0, 0));
  rate.add(at(2, 2000, 1000));
  expect(rate.estimate(8000)).toEqual({ bytesPerSecond: 500, etaSeconds: 6, basis: 'rate' });
  for (let second = 3; second <= 62; second++) rate.add(at(second, 2000 + second * 100));
  expect(rate.estimate(2 ** 30).bytesPerSecond).toBeGreaterThan(100);
  for (let second = 63; second <= 123; second++) rate.add(at(second, 2000 + second * 100));
  expect(rate.estimate(2 ** 30).bytesPerSecond).toBe(100);
});

test('rate - before there is one the passes before tell, or nothing; what stands still has no time left to tell', () => {
  const rate = new Rate();
  expect(rate.estimate(1000)).toEqual({ bytesPerSecond: 0, etaSeconds: null, basis: 'unknown' });
  expect(rate.estimate(1000, 40)).toMatchObject({ etaSeconds: 40, basis: 'forecast' });
  rate.add(at(0, 500));
  rate.add(at(1, 750));
  expect(rate.estimate(1000, 40)).toEqual({ bytesPerSecond: 250, etaSeconds: 10, basis: 'forecast' });
  for (const second of [2, 70, 140]) rate.add(at(second, 750));
  expect(rate.estimate(1000, 40)).toEqual({ bytesPerSecond: 0, etaSeconds: null, basis: 'unknown' });
});
