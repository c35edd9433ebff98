import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { extDisk, kernel, textIn, tree } from '../../testing/tree.ts';
import { CpioIndex } from '../cpio.ts';
import { nameInside } from '../initramfs.ts';
import { together } from '../part.ts';
import { planChanges } from '../plan.ts';
import type { Volume } from '../volumes.ts';
import { bootRule } from './boot.ts';
import { cloudInitRule } from './cloud-init.ts';
import { devicesRule } from './devices.ts';
import { driversRule } from './drivers.ts';
import { toolsRule } from './tools.ts';

const cmdline = (path: string, text: string, given = {}) =>
  textIn(together([bootRule(tree({ [path]: text }, given))]), path);
const grub = '/boot/grub/grub.cfg';
const serial = 'console=ttyS0,115200';

test('boot - grub.cfg gets a serial console before the screen, where the guest goes on asking', () => {
  const text = 'menuentry x {\n\tlinux\t/vmlinuz-6.1 root=UUID=1 ro quiet\n\tinitrd /initrd.img\n}\n';
  expect(cmdline(grub, text)).toBe(text.replace('quiet', `quiet ${serial} console=tty0`));
  expect(cmdline(grub, text.replace('quiet', 'console=ttyS1,9600'))).toBeUndefined();
  expect(cmdline(grub, text.replace('quiet', 'console=tty1'))).toContain(`ro ${serial} console=tty1`);
  expect(cmdline(grub, 'linux16 /boot/memtest86+.bin\n')).toBeUndefined();
});

test('boot - the files that the guest’s own tools make it from', () => {
  expect(cmdline('/etc/default/grub', 'GRUB_CMDLINE_LINUX=""\nGRUB_TIMEOUT=5\n')).toBe(
    `GRUB_CMDLINE_LINUX="${serial} console=tty0"\nGRUB_TIMEOUT=5\n`,
  );
  expect(cmdline('/etc/kernel/cmdline', 'root=/dev/mapper/rl-root ro\n')).toBe(
    `root=/dev/mapper/rl-root ro ${serial} console=tty0\n`,
  );
});

test('boot - /etc/default/grub: words in quotes of either kind, and none, stay what the shell reads', () => {
  const after = (value: string) => cmdline('/etc/default/grub', `GRUB_CMDLINE_LINUX=${value}\n`);
  const added = `${serial} console=tty0`;
  expect(after('"dyndbg=\\"module foo +p\\" quiet"')).toBe(
    `GRUB_CMDLINE_LINUX="dyndbg=\\"module foo +p\\" quiet ${added}"\n`,
  );
  expect(after(`"acpi_osi='Windows 2012' quiet" # why`)).toBe(
    `GRUB_CMDLINE_LINUX="acpi_osi='Windows 2012' quiet ${added}" # why\n`,
  );
  expect(after(`'a "b" c'`)).toBe(`GRUB_CMDLINE_LINUX='a "b" c ${added}'\n`);
  expect(after('quiet')).toBe(`GRUB_CMDLINE_LINUX="quiet ${added}"\n`);
  // Put together of several words: what would come of it nobody here says.
  expect(after(`"a"'b'`)).toBeUndefined();
});

test('boot - a command of grub.cfg ends where GRUB ends it: at a comment, at another command, at the end of its block; comments stay', () => {
  const after = (line: string) => cmdline(grub, `${line}\n`, { disks: [extDisk(0, 'u-1')] })?.trimEnd();
  const added = `${serial} console=tty0`;
  expect(after('linux /v root=UUID=1 ro # note')).toBe(`linux /v root=UUID=1 ro ${added} # note`);
  expect(after('linux /v root=UUID=1 ro; initrd /i')).toBe(`linux /v root=UUID=1 ro ${added} ; initrd /i`);
  expect(after('linux /v root=UUID=1 ro }')).toBe(`linux /v root=UUID=1 ro ${added} }`);
  expect(after('linux /v root=UUID=1 ro \\\n quiet')).toBe(`linux /v root=UUID=1 ro ${added} \\\n quiet`);
  expect(after(`linux /v root='/dev/sda1' a="b c" x#y`)).toBe(`linux /v root='UUID=u-1' a="b c" x#y ${added}`);
  expect(after('linux /v root=UUID=1 a\u00a0b c')).toBe(`linux /v root=UUID=1 a\u00a0b c ${added}`);
  expect(after('linux /v root=UUID=1 a="b')).toBeUndefined();
  expect(after('linux /v root=/dev/sda1 mount.usr=/dev/sda1')).toBe(
    `linux /v root=UUID=u-1 mount.usr=UUID=u-1 ${added}`,
  );
  expect(after('# linux /old root=/dev/sdb9\nlinux /v root=/dev/sda1')).toBe(
    `# linux /old root=/dev/sdb9\nlinux /v root=UUID=u-1 ${added}`,
  );
});

test('boot - entries of the boot loader specification, with their options or by the environment of GRUB', () => {
  const entry = '/boot/loader/entries/abc-5.14.0.conf';
  expect(
    cmdline(entry, 'title x\nlinux /vmlinuz\noptions root=/dev/sda1 ro\n', { disks: [extDisk(0, 'u-1')] }),
  ).toContain(`options root=UUID=u-1 ro ${serial} console=tty0\n`);
  expect(cmdline(entry, 'title x\noptions $kernelopts $tuned_params\n')).toBeUndefined();
  const environment = `# GRUB Environment Block\nkernelopts=root=UUID=2 ro\n${'#'.repeat(900)}`;
  const after = cmdline('/boot/grub2/grubenv', environment)!;
  expect(after).toContain(`kernelopts=root=UUID=2 ro ${serial} console=tty0\n#`);
  expect(after).toHaveLength(environment.length);
  const full = together([bootRule(tree({ '/boot/grub2/grubenv': 'kernelopts=root=UUID=2 ro\n#' }))]);
  expect(full.refusals).toMatchObject([{ code: 'guest.boot-unsupported' }]);
});

test('boot - $kernelopts: by GRUB’s environment on UEFI’s partition, by grub.cfg itself, or refused', () => {
  const entry = { '/boot/loader/entries/a.conf': 'title x\noptions $kernelopts\n' };
  const [config, environment] = ['/boot/efi/EFI/redhat/grub.cfg', '/boot/efi/EFI/redhat/grubenv'];
  const planned = (files: Record<string, string>) =>
    together([bootRule(tree({ ...entry, ...files }, { disks: [extDisk(0, 'u-1')] }))]);
  const block = `# GRUB Environment Block\nkernelopts=root=/dev/sda1 ro\n${'#'.repeat(900)}`;
  const found = planned({ [config]: 'insmod blscfg\nblscfg\n', [environment]: block });
  expect(found.refusals).toEqual([]);
  expect(textIn(found, environment)).toContain(`kernelopts=root=UUID=u-1 ro ${serial} console=tty0\n#`);
  expect(textIn(found, environment)).toHaveLength(block.length);
  const own = planned({ [config]: '  set kernelopts="root=/dev/sda1 ro"\nblscfg\n' });
  expect(own.refusals).toEqual([]);
  expect(textIn(own, config)).toContain(`set kernelopts="root=UUID=u-1 ro ${serial} console=tty0"`);
  expect(planned({ [config]: 'blscfg\n' }).refusals).toMatchObject([
    { code: 'guest.boot-unsupported', path: '/boot/loader/entries/a.conf' },
  ]);
});

test('boot - a grub.cfg on UEFI’s partition is changed where it starts a kernel; one that leads elsewhere is no loader', () => {
  const path = '/boot/efi/EFI/centos/grub.cfg';
  const disks = [extDisk(0, 'u-1')];
  expect(cmdline(path, ' linuxefi /vmlinuz root=/dev/sda1 ro\n', { disks })).toBe(
    ` linuxefi /vmlinuz root=UUID=u-1 ro ${serial} console=tty0\n`,
  );
  const stub = { [path]: 'search.fs_uuid 1 root\nset prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n' };
  expect(bootRule(tree(stub, { disks })).refusals).toMatchObject([{ code: 'guest.boot-unsupported' }]);
});

test('boot - a guest on disks without a boot loader that is known is refused', () => {
  expect(together([bootRule(tree({}, { disks: [extDisk()] }))]).refusals).toMatchObject([
    { code: 'guest.boot-unsupported' },
  ]);
});

test('boot - a device that cannot be told among several disks is refused by its file', () => {
  const disks = [extDisk(0), extDisk(1)];
  expect(together([bootRule(tree({ [grub]: 'linux /v root=/dev/sda1 ro\n' }, { disks }))]).refusals).toMatchObject([
    { code: 'guest.device-unsupported', path: grub },
  ]);
});

test('devices - fstab, crypttab and resume name by UUID; a bare tree of them is left', () => {
  const files = {
    '/etc/fstab': '# c\n/dev/sda1 / ext4 defaults 0 1\n/dev/mapper/vg-x /x xfs defaults 0 0\n',
    '/etc/crypttab': 'data /dev/sda1 none luks\n',
    '/etc/initramfs-tools/conf.d/resume': 'RESUME=/dev/sda1\n',
  };
  const found = together([devicesRule(tree(files, { disks: [extDisk(0, 'u-1')] }))]);
  expect(textIn(found, '/etc/fstab')).toBe('# c\nUUID=u-1 / ext4 defaults 0 1\n/dev/mapper/vg-x /x xfs defaults 0 0\n');
  expect(textIn(found, '/etc/crypttab')).toBe('data UUID=u-1 none luks\n');
  expect(textIn(found, '/etc/initramfs-tools/conf.d/resume')).toBe('RESUME=UUID=u-1\n');
  const lost = together([
    devicesRule(tree({ '/etc/fstab': '/dev/sdc1 / ext4 defaults 0 1\n' }, { disks: [extDisk()] })),
  ]);
  expect(lost.refusals).toMatchObject([{ code: 'guest.device-unsupported', path: '/etc/fstab' }]);
});

test('devices - a UUID that two file systems have, as copies of a partition do, is no name: the partition’s own is', () => {
  const [one, other] = [extDisk(0, 'u-1').volumes[0]!, extDisk(0, 'u-1').volumes[0]!];
  const apart = (volume: Volume, number: number, uuid: string): Volume => ({
    ...volume,
    partition: { ...volume.partition!, number, uuid },
  });
  const fstab = '/dev/sda1 / ext4 defaults 0 1\n/dev/sda2 /srv ext4 defaults 0 2\n';
  const planned = (...uuids: [string, string]) => {
    const volumes = [apart(one, 1, uuids[0]), apart(other, 2, uuids[1])];
    return together([devicesRule(tree({ '/etc/fstab': fstab }, { disks: [{ ...extDisk(), volumes }] }))]);
  };
  expect(textIn(planned('p-1', 'p-2'), '/etc/fstab')).toBe(
    'PARTUUID=p-1 / ext4 defaults 0 1\nPARTUUID=p-2 /srv ext4 defaults 0 2\n',
  );
  expect(planned('p-1', 'p-1').refusals).toMatchObject([
    { code: 'guest.device-unsupported' },
    { code: 'guest.device-unsupported' },
  ]);
});

test('devices - one that cannot be told and need not be there is left, which is told', () => {
  const line = '/dev/sdc1 /backup ext4 defaults,nofail 0 2\n';
  const found = together([devicesRule(tree({ '/etc/fstab': line }, { disks: [extDisk()] }))]);
  expect(found).toMatchObject({ changes: [], refusals: [] });
  expect(found.concerns).toMatchObject([
    { id: 'guest.device-left', path: '/etc/fstab', why: expect.stringContaining('/dev/sdc1 (/backup)') },
  ]);
});

test('devices - NVMe is numbered by its controller; names by device mapper hold on any hardware', () => {
  const disks = [extDisk(0, 'u-1')];
  const fstab = (spec: string, given = disks) =>
    together([devicesRule(tree({ '/etc/fstab': `${spec} / ext4 defaults 0 1\n` }, { disks: given }))]);
  expect(textIn(fstab('/dev/nvme0n1p1'), '/etc/fstab')).toBe('UUID=u-1 / ext4 defaults 0 1\n');
  expect(fstab('/dev/nvme0n2p1', [...disks, extDisk(1, 'u-2')]).refusals).toMatchObject([
    { code: 'guest.device-unsupported' },
  ]);
  expect(textIn(fstab('/dev/disk/by-id/scsi-36000c29-part1'), '/etc/fstab')).toContain('UUID=u-1');
  expect(fstab('/dev/disk/by-id/dm-name-vg-root')).toMatchObject({ changes: [], refusals: [] });
});

const names = (archive: Buffer) => {
  const index = new CpioIndex((name) => name === 'conf/modules' || name.endsWith('modules.dep'));
  index.push(gunzipSync(archive));
  return index;
};
const appended = (given: Parameters<typeof kernel>[0]) => {
  const found = together([driversRule(tree({}, { kernels: [kernel(given)] }))]);
  const change = found.changes.find(({ kind }) => kind === 'append');
  return { found, index: change && 'content' in change ? names(change.content) : undefined };
};

test('initramfs - what is missing is appended with an index of all that is then inside', () => {
  const { found, index } = appended({});
  const folder = 'usr/lib/modules/6.1.0';
  expect(index!.names).toContain(`${folder}/kernel/drivers/block/virtio_blk.ko`);
  expect(index!.names).toContain(`${folder}/modules.dep.bin`);
  expect(index!.names).not.toContain('lib');
  expect(index!.kept.get(`${folder}/modules.dep`)!.toString().split('\n')).toEqual([
    'kernel/drivers/scsi/sd_mod.ko:',
    'kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko',
    'kernel/drivers/virtio/virtio_ring.ko:',
    'kernel/drivers/virtio/virtio.ko:',
    'kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko',
    '',
  ]);
  expect(index!.kept.get('conf/modules')!.toString()).toBe('sd_mod\nvirtio_pci\nvirtio_blk\n');
  expect(textIn(found, '/etc/initramfs-tools/modules')).toBe('virtio_pci\nvirtio_blk\n');
});

test('initramfs - compressed modules stay so, under their names', () => {
  for (const suffix of ['.ko.gz', '.ko.xz', '.ko.zst']) {
    const { index } = appended({ suffix });
    expect(index!.names).toContain(`usr/lib/modules/6.1.0/kernel/drivers/block/virtio_blk${suffix}`);
  }
});

test('initramfs - where modules inside are unpacked, ours must be', () => {
  expect(nameInside('a/b.ko.xz', ['lib/modules/1/c.ko'])).toBe('a/b.ko');
  expect(nameInside('a/b.ko.xz', ['lib/modules/1/c.ko.xz'])).toBe('a/b.ko.xz');
  expect(nameInside('a/b.ko.zst', [])).toBe('a/b.ko.zst');
});

test('initramfs - lib of its own, or as a link', () => {
  const { index } = appended({ holds: ['scripts/functions', 'lib/modules/6.1.0/kernel/x.ko'] });
  expect(index!.names).toContain('lib/modules/6.1.0/modules.dep');
});

test('dracut - recognised, appended to without a list of its own, and kept by a drop-in', () => {
  const { found, index } = appended({
    holds: ['usr/lib/dracut/build-parameter.txt', 'etc/cmdline.d'],
    texts: new Map(),
  });
  expect(index!.names).toContain('usr/lib/modules/6.1.0/kernel/drivers/virtio/virtio_pci.ko');
  expect(index!.names).not.toContain('conf/modules');
  expect(textIn(found, '/etc/dracut.conf.d/90-tranship.conf')).toBe('add_drivers+=" virtio_pci virtio_blk "\n');
  expect(textIn(found, '/etc/initramfs-tools/modules')).toBeUndefined();
  const stated = together([
    driversRule(
      tree(
        { '/etc/dracut.conf.d/own.conf': 'force_drivers+=" virtio_blk virtio_pci "\n' },
        { kernels: [kernel({ holds: ['etc/dracut'] })] },
      ),
    ),
  ]);
  expect(textIn(stated, '/etc/dracut.conf.d/90-tranship.conf')).toBeUndefined();
});

test('initramfs - drivers built into the kernel need nothing; a kernel without them is refused; so is an unknown maker', () => {
  const builtin = ['virtio_pci', 'virtio_blk'].map((name) => `kernel/${name}.ko`).join('\n');
  const needed = { names: [], files: [], missing: [], builtin: ['virtio_pci', 'virtio_blk'] };
  expect(appended({ builtin, needed }).index).toBeUndefined();
  const code = (given: Parameters<typeof kernel>[0]) => appended(given).found.refusals.map((each) => each.code);
  expect(code({ needed: { ...needed, missing: ['virtio_blk'] } })).toEqual(['guest.kernel-unsupported']);
  expect(code({ holds: ['init', 'run_all.sh'] })).toEqual(['guest.initramfs-unsupported']);
  expect(code({ holds: undefined })).toEqual(['guest.initramfs-unsupported']);
});

test('cloud-init - kept from the network, once', () => {
  const path = '/etc/cloud/cloud.cfg.d/99-tranship-network.cfg';
  const there = { '/etc/cloud/cloud.cfg': 'users: [default]\n' };
  expect(textIn(together([cloudInitRule(tree(there))]), path)).toContain('network: {config: disabled}');
  for (const [file, text] of [
    ['/etc/cloud/cloud.cfg.d/99-off.cfg', 'network: {config: disabled}\n'],
    ['/etc/cloud/cloud.cfg.d/99-off.cfg', 'network:\n  config: disabled\n'],
    ['/etc/cloud/cloud-init.disabled', ''],
  ])
    expect(cloudInitRule(tree({ ...there, [file!]: text! }))).toEqual({});
  expect(cloudInitRule(tree({}))).toEqual({});
});

const tools = (files: Record<string, string>) => together([toolsRule(tree(files))]);

test('VMware Tools - their services are masked by each name, once', () => {
  const lib = { '/lib/systemd/system/vmtoolsd.service': '', '/lib/systemd/system/vgauthd.service': '' };
  expect(tools(lib).changes.map(({ path }) => path)).toEqual([
    '/etc/systemd/system/vmtoolsd.service',
    '/etc/systemd/system/vgauthd.service',
  ]);
  const masked = tree(lib);
  const has = (path: string) => masked.has(path) || path.startsWith('/etc/systemd/system/vmtoolsd.');
  expect(toolsRule({ ...masked, has }).changes?.map(({ path }) => path)).toEqual([
    '/etc/systemd/system/vgauthd.service',
  ]);
});

test('VMware Tools - a unit that lies in /etc itself is started on VMware alone', () => {
  const found = tools({ '/etc/systemd/system/vmware-tools.service': '[Service]\n' });
  expect(found.changes.map(({ path }) => path)).toEqual([
    '/etc/systemd/system/vmware-tools.service.d/90-tranship.conf',
  ]);
  expect(textIn(found, found.changes[0]!.path)).toBe('[Unit]\nConditionVirtualization=vmware\n');
});

test('VMware Tools - scripts of their own installer end at once, their job of Upstart waits; what is no script is told', () => {
  const path = '/etc/init.d/vmware-tools';
  const found = tools({ [path]: '#!/bin/sh\n# chkconfig: 235 03 99\nstart\n', '/etc/init/vmware-tools.conf': '' });
  expect(found.concerns).toEqual([]);
  expect(textIn(found, path)).toMatch(/^#!\/bin\/sh\nexit 0 #.*\n# chkconfig: 235 03 99\nstart\n$/);
  expect(textIn(found, '/etc/init/vmware-tools.override')).toBe('manual\n');
  const again = tools({
    [path]: textIn(found, path)!,
    '/etc/init/vmware-tools.conf': '',
    '/etc/init/vmware-tools.override': 'manual\n',
  });
  expect(again.changes.map(({ path }) => textIn(again, path))).toEqual([textIn(found, path)]);
  expect(tools({ [path]: '' })).toMatchObject({ changes: [], concerns: [{ id: 'guest.tools', path }] });
  const linked = tree({ '/etc/vmware-tools/services.sh': '#!/bin/bash\n' });
  const has = (each: string) => linked.has(each) || each === path;
  expect(toolsRule({ ...linked, has }).concerns).toEqual([]);
});

test('plan - an unknown system is refused by name; machine-id is never touched', () => {
  const facts = {
    ...tree({ '/etc/machine-id': 'abc\n', [grub]: 'linux /v root=UUID=1\n' }),
    os: { id: 'photon', like: [], name: 'Photon OS 5', version: '5' },
  };
  const { refusals, changes } = planChanges(facts);
  expect(refusals).toMatchObject([{ code: 'guest.os-unsupported', detail: expect.stringContaining('Photon OS 5') }]);
  expect(changes.map(({ path }) => path)).not.toContain('/etc/machine-id');
});
