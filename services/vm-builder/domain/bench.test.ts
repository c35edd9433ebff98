import { expect, test } from 'vitest';
import { connection, disk, targetVm } from '../testing/fixtures.ts';
import { bench } from './bench.ts';

const config = {
  ...{ workNamespace: 'w', workbenchImage: 'i', workbenchNatsUrl: 'nats://n', workbenchNatsSecret: 's' },
  ...{ scratchGB: 1, rehearsalMemoryMB: 2048, rehearsalGB: 4 },
};
const made = (more: Partial<Parameters<typeof bench>[0]> = {}, sizeBytes = 2 ** 30) => {
  const target = targetVm({ disks: [disk(0, { sizeBytes })] });
  const ids = { migration: 'm', vm: 'v', workbench: 'b' };
  return bench({ ...ids, target, connection, grade: 'standard', rehearse: false, kvm: false, ...more }, config);
};
const scratchMi = (sizeBytes: number, grade: 'standard' | 'sha256' | 'full') =>
  made({ grade }, sizeBytes).scratch.spec.resources.requests.storage;

test('scratch - it holds the sums of all leaves twice beside what converting needs, by the size of one sum', () => {
  expect(scratchMi(2 ** 30, 'standard')).toBe('1025Mi');
  expect(scratchMi(2 ** 40, 'standard')).toBe(`${1024 + 128}Mi`);
  expect(scratchMi(2 ** 40, 'sha256')).toBe(`${1024 + 1024}Mi`);
  expect(scratchMi(62 * 2 ** 40, 'full')).toBe(`${1024 + 62 * 1024}Mi`);
});

const converter = (job: ReturnType<typeof made>['job']) =>
  job.spec.template.spec.containers.find(({ name }) => name === 'converter')!;

test('rehearsal - a workbench has room for a guest, its memory capped, only where one is to be booted in it', () => {
  const { job, scratch } = made({ rehearse: true });
  expect(job.metadata.annotations).toEqual({ 'tranship.dev/rehearses': 'true' });
  expect(scratch.spec.resources.requests.storage).toBe(`${5 * 1024 + 1}Mi`);
  const { resources, env } = converter(job);
  expect(env).toContainEqual({ name: 'TRANSHIP_REHEARSAL_MEMORY_MB', value: '2048' });
  expect(resources).toEqual({ requests: { cpu: '100m', memory: '2688Mi' }, limits: { memory: '3584Mi' } });
  const others = job.spec.template.spec.containers.filter(({ name }) => name !== 'converter');
  expect(others.map((each) => each.resources.limits.memory)).toEqual(['1024Mi']);
  expect(converter(made().job).resources.limits).toEqual({ memory: '1024Mi' });
  expect(made().job.metadata).not.toHaveProperty('annotations');
});

test('keys - those of the VM are mounted, and none where it has none', () => {
  const volumes = (job: ReturnType<typeof made>['job']) => job.spec.template.spec.volumes.map(({ name }) => name);
  expect(volumes(made({ target: targetVm({ luks: { secret: 'web-keys' } }) }).job)).toContain('luks');
  expect(volumes(made().job)).not.toContain('luks');
});

test('rehearsal - KVM is asked for where a node has it', () => {
  const { limits, requests } = converter(made({ rehearse: true, kvm: true }).job).resources;
  expect([limits, requests]).toEqual(Array(2).fill(expect.objectContaining({ 'devices.kubevirt.io/kvm': '1' })));
});
