import { expect, test } from 'vitest';
import { Meter } from './meter.ts';

const [one, other] = ['00000000000000aa', '00000000000000bb'];
const file = '[fast ds] web 01/web 01.vmdk';

test('meter - sums of one reader replace each other, those of several add up, a disk is named as vCenter does', () => {
  const meter = new Meter();
  for (const line of [
    `${one} vm-1 100 1 ${file}`,
    `${one} vm-1 300 3 ${file}`,
    `${other} vm-1 50 1 ${file}`,
    `${'cc'.repeat(8)} vm-2 7 1 ${file}`,
  ])
    meter.take(line);
  expect(meter.reads()).toEqual([
    { vm: 'vm-1', file, bytes: 350, requests: 4, readers: 2 },
    { vm: 'vm-2', file, bytes: 7, requests: 1, readers: 1 },
  ]);
});

test('meter - a datagram that was overtaken, or is none of ours, counts nothing', () => {
  const meter = new Meter();
  for (const line of [`${one} vm-1 300 3 ${file}`, `${one} vm-1 200 2 ${file}`, '', 'x vm-1 9 9 f', `${one} vm-1 9`])
    meter.take(line);
  expect(meter.reads()).toMatchObject([{ bytes: 300, requests: 3 }]);
});
