import { expect, test } from 'vitest';
import { changedDisks, changeWindow, historyLost, notAnswered, strangersMoved } from './tracking.ts';

const u = '52 aa 01 02 03 04 05 06-07 08 09 0a 0b 0c 0d 0e';
const other = '52 bb 01 02 03 04 05 06-07 08 09 0a 0b 0c 0d 0e';

test.for([
  { is: 'the next snapshot', before: `${u}/3`, now: `${u}/4`, lost: undefined },
  { is: 'one behind other snapshots', before: `${u}/3`, now: `${u}/17`, lost: undefined },
  { is: 'a number of two digits behind one of one', before: `${u}/9`, now: `${u}/10`, lost: undefined },
  { is: 'another uuid', before: `${u}/3`, now: `${other}/4`, lost: 'change tracking was reset' },
  { is: 'another uuid at the same number', before: `${u}/3`, now: `${other}/3`, lost: 'change tracking was reset' },
  { is: 'a falling number', before: `${u}/10`, now: `${u}/9`, lost: 'the changeId went back: the VM was reverted' },
  {
    is: 'a new snapshot of the same number',
    before: `${u}/3`,
    now: `${u}/3`,
    lost: 'the changeId did not go on: the VM was reverted',
  },
  { is: 'a VM that is off, where it was', before: `${u}/3`, now: `${u}/3`, isNew: false, lost: undefined },
  {
    is: 'a VM that is off, behind where it was',
    before: `${u}/3`,
    now: `${u}/2`,
    isNew: false,
    lost: 'the changeId went back: the VM was reverted',
  },
  { is: 'no changeId before', before: undefined, now: `${u}/3`, lost: 'the last pass had no changeId' },
  { is: 'no changeId now', before: `${u}/3`, now: undefined, lost: 'change tracking gives no changeId' },
  { is: 'a number that is none', before: `${u}/3`, now: `${u}/x`, lost: `the changeId ${u}/x is not understood` },
  { is: 'no number at all', before: 'a', now: 'b', lost: 'the changeId b is not understood' },
])('history - $is: lost $lost', ({ before, now, isNew = true, lost }) => {
  expect(historyLost(before, now, isNew)).toBe(lost);
});

const disk = { key: 2000, file: '[ds] a/a.vmdk', sizeBytes: 1 << 20 };
const second = { key: 2001, file: '[ds] a/a_1.vmdk', sizeBytes: 1 << 20 };

test.for([
  { is: 'as planned', found: [disk], said: undefined },
  { is: 'in another file', found: [{ ...disk, file: '[other] a/a-000001.vmdk' }], said: undefined },
  { is: 'grown', found: [{ ...disk, sizeBytes: 2 << 20 }], said: 'disk 2000 has 2097152 bytes, not 1048576 any more' },
  { is: 'shrunk', found: [{ ...disk, sizeBytes: 512 }], said: 'disk 2000 has 512 bytes, not 1048576 any more' },
  { is: 'gone', found: [], said: 'disk 2000 is gone' },
  { is: 'not alone any more', found: [disk, second], said: 'disk 2001 ([ds] a/a_1.vmdk) was added' },
  { is: 'another one', found: [second], said: 'disk 2001 ([ds] a/a_1.vmdk) was added' },
])('disks - one that is $is: $said', ({ found, said }) => {
  expect(changedDisks([{ key: 2000, sizeBytes: 1 << 20 }], found)).toBe(said);
});

test.for([
  { is: 'none', before: [], now: [], said: undefined },
  { is: 'the same', before: ['s-1', 's-2'], now: ['s-2', 's-1'], said: undefined },
  { is: 'a first pass', before: undefined, now: ['s-1'], said: undefined },
  { is: 'one more', before: ['s-1'], now: ['s-1', 's-2'], said: 'were taken (s-2)' },
  { is: 'one fewer', before: ['s-1', 's-2'], now: ['s-2'], said: 'went (s-1)' },
  { is: 'another', before: ['s-1'], now: ['s-2'], said: 'were taken (s-2)' },
])('strangers - $is: $said', ({ before, now, said }) => {
  const moved = strangersMoved(before, now);
  if (said === undefined) expect(moved).toBeUndefined();
  else expect(moved).toContain(said);
});

const size = 1000;
test.for([
  { is: 'the rest of the disk', window: [300, 700], said: undefined },
  { is: 'a part that is clean', window: [300, 100], said: undefined },
  { is: 'from before on', window: [0, 400], said: undefined },
  { is: 'from further on', window: [400, 600], said: 'was asked from 300 on and answers from 400 on' },
  { is: 'nothing', window: [300, 0], said: 'does not come to an end' },
  { is: 'less than nothing', window: [300, -1], said: 'does not come to an end' },
  { is: 'what was answered before', window: [0, 300], said: 'does not come to an end' },
  { is: 'an area beyond the disk', window: [300, 700], area: [999, 2], said: '999+2, outside of the disk' },
  { is: 'an area before the disk', window: [300, 700], area: [-1, 2], said: 'outside of the disk' },
] as { is: string; window: [number, number]; area?: [number, number]; said?: string }[])(
  'window - asked from 300 on, an answer of $is: $said',
  ({ window: [start, length], area, said }) => {
    const wrong = notAnswered({ start, length, areas: area ? [area] : [] }, 300, size);
    if (said === undefined) expect(wrong).toBeUndefined();
    else expect(wrong).toContain(said);
  },
);

test('window - as vCenter writes it: numbers as text, one area or many or none', () => {
  const area = { start: '65536', length: '65536' };
  expect(changeWindow({ startOffset: '0', length: '1048576' })).toEqual({ start: 0, length: 1_048_576, areas: [] });
  expect(changeWindow({ startOffset: 0, length: 9, changedArea: area }).areas).toEqual([[65_536, 65_536]]);
  expect(changeWindow({ startOffset: 0, length: 9, changedArea: [area, area] }).areas).toHaveLength(2);
});

test.for([
  undefined,
  {},
  { startOffset: 0 },
  { startOffset: 0, length: 'long' },
  { startOffset: 0, length: 2 ** 60 },
  { startOffset: 0, length: 9, changedArea: { start: 1 } },
  {
    startOffset: 0,
    length: 9,
    changedArea: [
      { start: 1, length: 1 },
      { start: 'x', length: 1 },
    ],
  },
])('window - %j is no answer', (answer) => {
  expect(() => changeWindow(answer)).toThrow(expect.objectContaining({ code: 'vsphere.fault' }));
});
