import { expect, test } from 'vitest';
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
    'transfer.open',
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

test('rate - over the window, with the time that is left', () => {
  const rate = new Rate(10_000);
  expect(rate.estimate(100)).toEqual({ bytesPerSecond: 0, etaSeconds: null });
  rate.add(0, 0);
  rate.add(1000, 500);
  expect(rate.estimate(2000)).toEqual({ bytesPerSecond: 500, etaSeconds: 3 });
  for (let second = 2; second < 30; second++) rate.add(second * 1000, 500 + second * 100);
  expect(rate.estimate(2 ** 30).bytesPerSecond).toBe(100);
});
