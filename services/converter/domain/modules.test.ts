import { expect, test } from 'vitest';
import { moduleName, neededModules } from './modules.ts';

const dep = [
  'kernel/drivers/virtio/virtio.ko.zst:',
  'kernel/drivers/virtio/virtio_ring.ko.zst: kernel/drivers/virtio/virtio.ko.zst',
  'kernel/drivers/block/virtio-blk.ko.zst: kernel/drivers/virtio/virtio_ring.ko.zst kernel/drivers/virtio/virtio.ko.zst',
  'kernel/drivers/net/virtio_net.ko.zst: kernel/drivers/virtio/virtio.ko.zst',
].join('\n');

test('modules - names are told by file, whatever the compression', () => {
  expect(moduleName('kernel/drivers/block/virtio-blk.ko.xz')).toBe('virtio_blk');
  expect(moduleName('kernel/drivers/block/virtio_blk.ko')).toBe('virtio_blk');
});

test('modules - what is needed comes with what it depends on, once; what is built in is left out', () => {
  const needed = neededModules(dep, 'kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/scsi/virtio_scsi.ko\n');
  expect(needed.names).toEqual(['virtio_blk', 'virtio_net']);
  expect(needed.files).toEqual([
    'kernel/drivers/block/virtio-blk.ko.zst',
    'kernel/drivers/virtio/virtio_ring.ko.zst',
    'kernel/drivers/virtio/virtio.ko.zst',
    'kernel/drivers/net/virtio_net.ko.zst',
  ]);
  expect(needed.missing).toEqual([]);
});

test('modules - a kernel without the vital drivers is told by name', () => {
  expect(neededModules('', '').missing).toEqual(['virtio_pci', 'virtio_blk']);
});
