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

test('rate - over the window, with the time that is left', () => {
  const rate = new Rate(10_000);
  expect(rate.estimate(100)).toEqual({ bytesPerSecond: 0, etaSeconds: null });
  rate.add(0, 0);
  rate.add(1000, 500);
  expect(rate.estimate(2000)).toEqual({ bytesPerSecond: 500, etaSeconds: 3 });
  for (let second = 2; second < 30; second++) rate.add(second * 1000, 500 + second * 100);
  expect(rate.estimate(2 ** 30).bytesPerSecond).toBe(100);
});
