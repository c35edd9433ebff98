import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { concernCatalogue, errorCatalogue, inspectionSchema } from '@tranship/contracts';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'tranship-cli-guest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = fileURLToPath(new URL('main.ts', import.meta.url));

function tranship(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: 30_000 }, (error, out, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, error: stderr }),
    );
  });
}

function file(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test('guest - a folder is inspected by the converter’s own program; a failure has its fix and exit code', async () => {
  file('tree/usr/lib/os-release', 'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04"\n');
  file('tree/etc/netplan/01.yaml', 'network: {ethernets: {ens192: {addresses: [10.0.0.5/24]}}}\n');
  file('tree/etc/udev/rules.d/x', '');
  file('nics.json', '[{"mac": "00:50:56:AA:00:01", "addresses": ["10.0.0.5"]}]');
  const nics = ['--nics', join(folder, 'nics.json')];
  const found = await tranship('guest', 'inspect', join(folder, 'tree'), ...nics, '-o', 'json');
  expect(found).toMatchObject({ code: 0, error: '' });
  expect(inspectionSchema.parse(JSON.parse(found.out))).toMatchObject({ supported: true, nics: [{ name: 'ens192' }] });
  const shown = await tranship('guest', 'convert', join(folder, 'tree'), ...nics, '--dry-run');
  expect(shown.out).toContain('new /etc/udev/rules.d/70-persistent-net.rules');
  const keyless = await tranship('guest', 'inspect', join(folder, 'tree'), '--luks-keys', join(folder, 'keys'));
  expect(keyless.error).toMatch(/there is no key in .*keys\n {2}fix: .*\n {2}code: guest\.luks-key/);
  const missing = await tranship('guest', 'inspect', join(folder, 'none.raw'));
  expect(missing.code).toBe(1);
  expect(missing.error).toMatch(/there is no .*none\.raw\n {2}fix: .*\n {2}code: guest\.image/);
  execFileSync('mkfifo', [join(folder, 'pipe')], { timeout: 10_000 });
  const pipe = await tranship('guest', 'inspect', join(folder, 'pipe'));
  expect([pipe.code, pipe.error]).toEqual([
    1,
    expect.stringContaining('is no disk image, no block device and no folder'),
  ]);
});

test('explain - a concern is told as an error is, without a server: what it means, its fix; what is near one that is not there', async () => {
  const { label, fix } = concernCatalogue['guest.nic-name'];
  const told = await tranship('explain', 'guest.nic-name');
  expect(told).toMatchObject({ code: 0, error: '' });
  expect(told.out).toBe(`guest.nic-name\n  ${label}\n  fix:      ${fix}\n  category: warning\n`);
  const usb = await tranship('explain', 'usb.controller', '-o', 'json');
  expect(JSON.parse(usb.out)).toMatchObject({ code: 'usb.controller', category: 'warning', acceptable: true });
  expect((await tranship('explain', 'guest.no-space')).out).toContain(errorCatalogue['guest.no-space'].fix);
  const unknown = await tranship('explain', 'guest.none');
  expect(unknown).toMatchObject({ code: 4, out: '' });
  for (const id of ['guest.nic-name', 'guest.no-space']) expect(unknown.error).toContain(id);
  expect(unknown.error).not.toContain('usb.controller');
});
