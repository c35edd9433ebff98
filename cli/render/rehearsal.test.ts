import { stepExamples } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { rehearsalLines } from './rehearsal.ts';

const example = stepExamples.rehearse.result as Parameters<typeof rehearsalLines>[0];

test('rehearsal - one that failed is told with its reason, its fix, and what was seen', () => {
  expect(rehearsalLines(example)).toEqual([
    'failed, with the copy of pass 2',
    'rehearsal.network: ens192 (00:50:56:aa:bb:01) has no 192.168.76.10/24',
    expect.stringContaining('  fix: See its console'),
    'Debian GNU/Linux 12 (bookworm): its guest agent answers, after 9s on KVM, with 1024 MB',
    'converted by direct: 14 files in 2s',
    'ens192 (00:50:56:aa:bb:01): no address, lacks 192.168.76.10/24',
    'failed units: networking.service',
  ]);
});

test('rehearsal - without an agent addresses and units are not known; without a boot only the reason is told', () => {
  const boot = {
    ...example.boot!,
    mark: 'login' as const,
    nics: [{ ...example.boot!.nics[0]!, name: '', missing: [] }],
  };
  const lines = rehearsalLines({ pass: 1, passed: true, boot: { ...boot, failedUnits: null } });
  expect(lines.slice(-2)).toEqual(['NIC (00:50:56:aa:bb:01): not seen', 'failed units: not known']);
  expect(rehearsalLines({ pass: 1, passed: false })).toEqual(['failed, with the copy of pass 1']);
});
