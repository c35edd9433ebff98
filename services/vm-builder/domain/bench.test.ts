import { expect, test } from 'vitest';
import { connection, disk } from '../testing/fixtures.ts';
import { bench } from './bench.ts';

const config = {
  ...{ workNamespace: 'w', workbenchImage: 'i', workbenchNatsUrl: 'nats://n', workbenchNatsSecret: 's' },
  scratchGB: 1,
};
const scratchMi = (sizeBytes: number, grade: 'standard' | 'sha256' | 'full') => {
  const disks = [disk(0, { sizeBytes })];
  const ids = { migration: 'm', vm: 'v', workbench: 'b' };
  const { scratch } = bench({ ...ids, disks, connection, nodeSelector: {}, grade }, config);
  return scratch.spec.resources.requests.storage;
};

test('scratch - it holds the sums of all leaves twice beside what converting needs, by the size of one sum', () => {
  expect(scratchMi(2 ** 30, 'standard')).toBe('1025Mi');
  expect(scratchMi(2 ** 40, 'standard')).toBe(`${1024 + 128}Mi`);
  expect(scratchMi(2 ** 40, 'sha256')).toBe(`${1024 + 1024}Mi`);
  expect(scratchMi(62 * 2 ** 40, 'full')).toBe(`${1024 + 62 * 1024}Mi`);
});
