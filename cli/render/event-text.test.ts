import { eventExamples } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { eventText } from './event-text.ts';

test('events - an inspection is told with what it would change and what is of concern', () => {
  expect(eventText('vm.inspected', eventExamples['vm.inspected'])).toBe(
    'Debian GNU/Linux 12 (bookworm) (direct): 1 files would change, found in 1s; guest.address-differs',
  );
  expect(eventText('vm.inspected', { ...eventExamples['vm.inspected'], supported: false })).toContain('cannot be conv');
});

test('events - a released workbench says until when', () => {
  expect(eventText('vm.release-due', { until: '2026-12-01T21:00:00.000Z' })).toContain('before 2026-12-01T21');
  expect(eventText('vm.release-due', {})).toBe('nothing is due');
});
