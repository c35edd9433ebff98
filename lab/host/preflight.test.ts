import { expect, test } from 'vitest';
import { insist, judgeKernel, judgeMachine, type KernelFacts, type MachineFacts } from './preflight.ts';

const machine: MachineFacts = {
  ...{ root: true, arch: 'x64', debian: true, built: false },
  ...{ freeGB: 50, stateFreeGB: 50, sharedMemoryMB: 900, availableMemoryGB: 8 },
};
const kernel: KernelFacts = {
  absent: [],
  namespaces: true,
  veth: true,
  bridge: true,
  dummy: true,
  tun: true,
  overlay: true,
  loop: true,
  nftables: true,
  cgroup: true,
  subnet: true,
};
const missing = (findings: ReturnType<typeof judgeKernel>) => findings.filter(({ ok }) => !ok).map(({ name }) => name);

test('preflight - a fitting machine passes', () => {
  expect(missing([...judgeMachine(machine), ...judgeKernel(kernel)])).toEqual([]);
  expect(() => insist([...judgeMachine(machine), ...judgeKernel(kernel)])).not.toThrow();
});

test.each(Object.keys(kernel).filter((key) => key !== 'dummy' && key !== 'absent'))(
  'preflight - without %s: told with its use and its fix',
  (key) => {
    const findings = judgeKernel({ ...kernel, [key]: false });
    expect(missing(findings)).toHaveLength(1);
    const { name, purpose, fix } = findings.find(({ ok }) => !ok)!;
    expect(() => insist(findings)).toThrow(`✗ ${name}: ${purpose}\n      ${fix}`);
  },
);

test('preflight - without a program that asks: it is told by its package, and nothing of the kernel', () => {
  const findings = judgeKernel({ ...kernel, absent: ['nft'], nftables: false });
  expect(missing(findings)).toEqual(['the program nft']);
  expect(() => insist(findings)).toThrow(/tells whether there is nftables\n +apt-get install nftables/);
  expect(findings.map(({ name }) => name)).not.toContain('nftables');
});

test('preflight - without dummy links the lab runs all the same', () => {
  const findings = judgeKernel({ ...kernel, dummy: false });
  expect(missing(findings)).toEqual(['dummy']);
  expect(() => insist(findings)).not.toThrow();
});

test.each([
  [{ root: false }, 'root'],
  [{ arch: 'arm64' }, 'x86-64 (arm64)'],
  [{ debian: false }, 'Debian'],
  [{ freeGB: 19 }, '20 GB of disk (19 free)'],
  [{ freeGB: 5, built: true }, '6 GB of disk (5 free)'],
  [{ stateFreeGB: 4 }, '5 GB of disk for the state (4 free)'],
  [{ sharedMemoryMB: 64 }, '500 MB in /dev/shm (64 free)'],
  [{ availableMemoryGB: 4 }, '5 GB of memory (4 available)'],
])('preflight - %j is told as %s', (facts, name) => {
  expect(missing(judgeMachine({ ...machine, ...facts }))).toEqual([name]);
});

test('preflight - what is built needs less room', () => {
  expect(missing(judgeMachine({ ...machine, freeGB: 6, built: true }))).toEqual([]);
});

test('preflight - everything that is missing is told at once', () => {
  const findings = judgeMachine({ ...machine, root: false, debian: false });
  expect(() => insist(findings)).toThrow(/root[\s\S]*Debian/);
});
