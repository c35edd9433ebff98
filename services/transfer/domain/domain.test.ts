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
