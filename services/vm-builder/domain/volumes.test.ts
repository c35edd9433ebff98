import { expect, test } from 'vitest';
import { disk } from '../testing/fixtures.ts';
import { claim, claimBytes, diskClaim } from './volumes.ts';

const mib = 1024 ** 2;
const gib = 1024 ** 3;

test.each([
  ['Block', gib, gib],
  ['Block', gib + 512, gib + mib],
  ['Filesystem', 100 * mib, 106 * mib],
  ['Filesystem', gib, 1081 * mib],
] as const)('volumes - a %s volume for %i bytes asks for %i', (volumeMode, sizeBytes, bytes) => {
  expect(claimBytes({ volumeMode, sizeBytes })).toBe(bytes);
});

test('volumes - a disk’s claim has its class, modes and size in whole MiB', () => {
  const wanted = disk(1, { sizeBytes: gib, storageClass: 'slow', volumeMode: 'Block', accessMode: 'ReadWriteMany' });
  expect(diskClaim(wanted, 'web-disk-1', 'apps', { a: 'b' })).toEqual({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'web-disk-1', namespace: 'apps', labels: { a: 'b' } },
    spec: {
      accessModes: ['ReadWriteMany'],
      volumeMode: 'Block',
      resources: { requests: { storage: '1024Mi' } },
      storageClassName: 'slow',
    },
  });
});

test('volumes - without a class the cluster’s default is meant; a volume is named only where it is taken over', () => {
  const space = {
    name: 's',
    namespace: 'n',
    labels: {},
    volumeMode: 'Filesystem',
    accessMode: 'ReadWriteOnce',
  } as const;
  const { spec } = claim({ ...space, storageClass: undefined, bytes: gib });
  expect(Object.keys(spec)).toEqual(['accessModes', 'volumeMode', 'resources']);
  expect(claim({ ...space, bytes: gib, volumeName: 'pv-1' }).spec.volumeName).toBe('pv-1');
});
