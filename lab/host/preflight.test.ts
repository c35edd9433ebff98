import { expect, test } from 'vitest';
import { insist, judgeKernel, judgeMachine, type KernelFacts, type MachineFacts } from './preflight.ts';

const machine: MachineFacts = { root: true, arch: 'x64', debian: true, freeGB: 50, availableMemoryGB: 8, built: false };
const kernel: KernelFacts = {
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

test.each(Object.keys(kernel).filter((key) => key !== 'dummy'))(
  'preflight - without %s: told with its use and its fix',
  (key) => {
    const findings = judgeKernel({ ...kernel, [key]: false });
    expect(missing(findings)).toHaveLength(1);
    const { name, purpose, fix } = findings.find(({ ok }) => !ok)!;
    expect(() => insist(findings)).toThrow(`✗ ${name}: ${purpose}\n      ${fix}`);
  },
);

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
