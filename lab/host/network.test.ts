import { expect, test } from 'vitest';
import { unused } from './network.ts';

const link = (n: number) => `7: trlab${n}    inet 10.89.${n}.1/30 scope global trlab${n}\\`;

test.each([
  ['a machine without labs', '2: eth0    inet 192.168.1.4/24 brd 192.168.1.255', 1],
  ['a lab', link(1), 2],
  ['labs that came and went', [link(1), link(3)].join('\n'), 2],
  ['a network behind a gateway', '10.89.1.0/24 via 192.168.1.1 dev eth0', 2],
  ['one host behind a gateway', '10.89.1.77 via 192.168.1.1 dev eth0', 2],
  ['a wider network', '10.89.0.0/22 dev podman1 proto kernel src 10.89.0.1', 4],
  ['its own address in a wider network', '2: eth0    inet 10.89.1.9/8 brd 10.255.255.255', 2],
  ['a route that the lab’s own goes before', '10.0.0.0/8 via 192.168.1.1 dev eth0', 1],
])('subnet - beside %s', (_, told, free) => {
  expect(unused(told)).toBe(free);
});

test('subnet - none is left', () => {
  expect(() => unused('10.89.0.0/16 via 192.168.1.1 dev eth0')).toThrow('no network of 10.89.0.0/16 is free');
});
