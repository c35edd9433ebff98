import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { depBinary, depText } from './kmod-index.ts';

// Names that no kernel has: modprobe looks whether the machine's own has them built in.
const modules = new Map([
  ['kernel/drivers/block/alpha_blk.ko', ['kernel/drivers/virtio/alpha_ring.ko', 'kernel/drivers/virtio/alpha.ko']],
  ['kernel/drivers/virtio/alpha.ko', []],
  ['kernel/drivers/virtio/alpha_ring.ko', ['kernel/drivers/virtio/alpha.ko']],
  ['kernel/drivers/scsi/beta_mod.ko.xz', []],
  ['kernel/fs/gamma/gamma.ko', ['kernel/fs/delta/delta.ko']],
  ['kernel/fs/delta/delta.ko', []],
]);

test('kmod index - modprobe finds a module and what it needs by the binary index', () => {
  const root = mkdtempSync(join(tmpdir(), 'tranship-kmod-'));
  try {
    const folder = join(root, 'lib/modules/6.1.0-test');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'modules.dep.bin'), depBinary(modules));
    // modprobe looks whether the files are there, and no further.
    for (const path of modules.keys()) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), '');
    }
    const modprobe = (name: string) =>
      execFileSync('modprobe', ['-d', root, '-S', '6.1.0-test', '-C', '/dev/null', '--show-depends', name], {
        env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
        timeout: 10_000,
      })
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.trim().replace(`insmod ${folder}/`, ''));
    expect(modprobe('alpha_blk')).toEqual([
      'kernel/drivers/virtio/alpha.ko',
      'kernel/drivers/virtio/alpha_ring.ko',
      'kernel/drivers/block/alpha_blk.ko',
    ]);
    expect(modprobe('beta_mod')).toEqual(['kernel/drivers/scsi/beta_mod.ko.xz']);
    expect(modprobe('gamma')).toEqual(['kernel/fs/delta/delta.ko', 'kernel/fs/gamma/gamma.ko']);
    expect(() => modprobe('xfs')).toThrow();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('kmod index - the text is what depmod writes', () => {
  expect(depText(modules).split('\n')[0]).toBe(
    'kernel/drivers/block/alpha_blk.ko: kernel/drivers/virtio/alpha_ring.ko kernel/drivers/virtio/alpha.ko',
  );
  expect(depBinary(new Map()).readUInt32BE(8)).toBe(0);
});
