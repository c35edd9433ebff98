import { eventExamples } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { eventText } from './event-text.ts';

test('events - an inspection is told with what it would change and what is of concern', () => {
  expect(eventText('vm.inspected', eventExamples['vm.inspected'])).toBe(
    'Debian GNU/Linux 12 (bookworm) (direct): 1 files would change, found in 1s; guest.address-differs',
  );
  expect(eventText('vm.inspected', { ...eventExamples['vm.inspected'], supported: false })).toContain('cannot be conv');
});

test('events - a rehearsal says by what the copy was up, or why it failed', () => {
  const example = eventExamples['vm.rehearsed'];
  expect(eventText('vm.rehearsed', example)).toMatch(/^the copy of pass 2 failed: rehearsal.network: ens192 /);
  const passed = { ...example, passed: true, boot: { ...example.boot, accelerator: 'tcg' } };
  expect(eventText('vm.rehearsed', passed)).toBe('the copy of pass 2 passed: up by its agent in 9s, emulated');
});

test('events - a released workbench says until when', () => {
  expect(eventText('vm.release-due', { until: '2026-12-01T21:00:00.000Z' })).toContain('before 2026-12-01T21');
  expect(eventText('vm.release-due', {})).toBe('nothing is due');
});

test('events - a concern is told by its id and its reason, a comparison by what was there already', () => {
  const { id, why } = eventExamples['vm.concern-raised'];
  expect(eventText('vm.concern-raised', eventExamples['vm.concern-raised'])).toBe(`${id}: ${why}`);
  const [disk] = eventExamples['vm.pass-finished'].disks;
  const disks = [{ ...disk, savedBytes: 1024 ** 2 }];
  expect(eventText('vm.pass-finished', { disks, seconds: 1 })).toContain('1.0 MiB of it as the target held it');
});
