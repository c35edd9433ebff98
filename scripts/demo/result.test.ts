import { expect, test } from 'vitest';
import { type DemoResult, exitCode, jsonLine, type MovedVm } from './result.ts';

const moved: MovedVm = {
  ...{ name: 'web-01', state: 'succeeded', bytes: 1024 ** 3, seconds: 61, downtimeSeconds: 40, proof: 'proven' },
  nics: [{ name: 'ens192', mac: '00:50:56:aa:bb:01', addresses: ['192.168.76.10'] }],
};
const result: DemoResult = { migration: 'demo-1', vms: [moved, { ...moved, downtimeSeconds: null }], seconds: 90 };

test.each<[string, 0 | 1, Partial<MovedVm>[], boolean]>([
  ['all moved and proven, and the guest answers', 0, [{}, {}], true],
  ['the guest does not answer, or has lost what it counted', 1, [{}], false],
  ['one did not succeed', 1, [{}, { state: 'failed' }], true],
  ['one waits for a person', 1, [{ state: 'decision-needed' }], true],
  ['one disk is another, seen from outside', 1, [{ proof: 'DIFFERS' }, {}], true],
  ['one was not proven', 1, [{}, { proof: 'none' }], true],
  ['nothing moved', 1, [], true],
])('demo - its exit code: %s: %i', (_, code, vms, answered) => {
  expect(
    exitCode(
      vms.map((each) => ({ ...moved, ...each })),
      answered,
    ),
  ).toBe(code);
});

test('demo - the line of --json is the result and nothing else', () => {
  expect(JSON.parse(jsonLine(result))).toEqual(result);
  expect(jsonLine(result)).not.toContain('\n');
});

test.each<[string, object]>([
  ['what nobody promised', { ...result, proven: true }],
  ['a VM with more', { ...result, vms: [{ ...moved, changes: [] }] }],
  ['a VM with less', { ...result, vms: [{ ...moved, nics: undefined }] }],
  ['no time', { ...result, seconds: undefined }],
])('demo - a line of --json with %s is not printed', (_, other) => {
  expect(() => jsonLine(other as DemoResult)).toThrow();
});
