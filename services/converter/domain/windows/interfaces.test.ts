import { expect, test } from 'vitest';
import { type Interface, luidOf, matchNics } from './interfaces.ts';

const nic = (mac: string, ...addresses: string[]) => ({ mac, addresses });
const one = (id: string, more: Partial<Interface> = {}): Interface => ({ id, name: id, addresses: [], ...more });
const matched = (nics: Parameters<typeof matchNics>[0], known: readonly Interface[]) =>
  Object.fromEntries([...matchNics(nics, known)].map(([mac, { id }]) => [mac.at(-1), id]));

test('interfaces - an LUID as it lies in memory', () => {
  expect(luidOf(9, 6)).toBe('0000000900000600');
  expect(luidOf(0x8001, 6)).toBe('0000000180000600');
});

test('interfaces - by MAC, whatever its spelling', () => {
  const known = [one('a', { mac: '00:50:56:aa:00:02' }), one('b', { mac: '00:50:56:aa:00:01' })];
  expect(matched([nic('00-50-56-AA-00-01'), nic('00:50:56:aa:00:02')], known)).toEqual({ 1: 'b', 2: 'a' });
});

test('interfaces - of two that had the same MAC, the one with the addresses; else none', () => {
  const mac = '00:50:56:aa:00:01';
  const known = [one('ghost', { mac }), one('real', { mac, addresses: ['10.0.0.5/24'] })];
  expect(matched([nic(mac, '10.0.0.5')], known)).toEqual({ 1: 'real' });
  expect(matched([nic(mac)], known)).toEqual({});
});

test('interfaces - without a MAC: by an address that one of each has, then what is left', () => {
  const known = [one('a', { addresses: ['10.0.0.5/24'] }), one('b', { addresses: ['2001:db8:0:0::5'] }), one('c')];
  const nics = [
    nic('00:50:56:aa:00:01', '2001:db8::5/64'),
    nic('00:50:56:aa:00:02'),
    nic('00:50:56:aa:00:03', '10.0.0.5/24'),
  ];
  expect(matched(nics, known)).toEqual({ 1: 'b', 2: 'c', 3: 'a' });
  expect(matched([nic('00:50:56:aa:00:01'), nic('00:50:56:aa:00:02')], [one('a'), one('b')])).toEqual({});
});

test('interfaces - one that belongs to another MAC is nobody’s leftover', () => {
  const known = [one('a', { mac: '00:50:56:aa:00:01' }), one('b', { mac: '00:0c:29:00:00:01' })];
  expect(matched([nic('00:50:56:aa:00:01'), nic('00:50:56:aa:00:02')], known)).toEqual({ 1: 'a' });
});
