import { expect, test } from 'vitest';
import { isMarked, marks, scratch, selector, targetDisk, workDisk } from './names.ts';

const ids = { migration: 'shop-1', vm: 'vm-7' };

test('names - volumes and scratch are told apart by their stem and their index', () => {
  expect(workDisk('tranship-shop-1-vm-7', 0)).toBe('tranship-shop-1-vm-7-disk-0');
  expect(scratch('tranship-shop-1-vm-7')).toBe('tranship-shop-1-vm-7-scratch');
  expect(targetDisk('web', 12)).toBe('web-disk-12');
});

test('names - the selector asks for every mark', () => {
  expect(selector(ids)).toBe(
    'app.kubernetes.io/managed-by=tranship,tranship.dev/migration=shop-1,tranship.dev/vm=vm-7',
  );
});

test('names - an object is ours with all marks, whatever else it wears', () => {
  expect(isMarked({ ...marks(ids), team: 'shop' }, ids)).toBe(true);
});

test.each([
  ['no labels at all', undefined],
  ['another migration', { ...marks(ids), 'tranship.dev/migration': 'shop-2' }],
  ['another VM', { ...marks(ids), 'tranship.dev/vm': 'vm-77' }],
  ['another manager', { ...marks(ids), 'app.kubernetes.io/managed-by': 'helm' }],
])('names - an object is not ours with %s', (_, labels) => {
  expect(isMarked(labels, ids)).toBe(false);
});
