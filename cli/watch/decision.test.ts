import type { MigrationStatus, VmStatus } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { errorLines } from '../errors.ts';
import { decisionNeeded, undecided, wayLines } from './decision.ts';

const vm = (name: string, state: string, more: Partial<VmStatus> = {}): VmStatus => ({
  ...{ id: `vm-of-${name}`, name, state, step: null, attempt: 1, since: '2026-01-01T00:00:00Z', results: {} },
  ...more,
});
const migration = (...vms: VmStatus[]): MigrationStatus => ({
  ...{ id: 'shop-1', plan: 'shop', state: 'running', started: '2026-01-01T00:00:00Z', vms },
});
const error = { code: 'target.unhealthy', title: 't', detail: 'after 600 s', fix: 'Look', retry: false } as const;

test('decision - it is a person’s turn once all others are over, and not before', () => {
  const asks = vm('web', 'decision-needed');
  const names = (...vms: VmStatus[]) => undecided(migration(...vms)).map(({ name }) => name);
  expect(names(asks)).toEqual(['web']);
  expect(names(asks, vm('a', 'succeeded'), vm('b', 'failed'), vm('c', 'contested'))).toEqual(['web', 'c']);
  // A warm one that makes its passes moves, and so does what is taken back.
  for (const state of ['queued', 'waiting', 'copying', 'removing-target'])
    expect(names(asks, vm('b', state))).toEqual([]);
  expect(names(vm('a', 'succeeded'))).toEqual([]);
  expect(undecided({ ...migration(asks), state: 'failed' })).toEqual([]);
});

test('decision - said with the VM, why, and the command for each way; ends with 3', () => {
  const told = decisionNeeded(migration(vm('web 1', 'decision-needed', { error }), vm('db', 'contested')));
  expect(told.exit).toBe(3);
  expect(errorLines(told).join('\n')).toBe(`error: shop-1 waits for a person, for 2 of its 2 VMs
  web 1 is decision-needed: target.unhealthy: after 600 s
  db is contested
  fix:  tranship retry shop-1 'web 1': goes on where it stood
        tranship rollback shop-1 'web 1': gives up the target and puts the source back in service
        tranship retry shop-1 db: removes what was made and begins anew
        tranship cancel shop-1 db: removes what was made and leaves the source as it is`);
  expect(wayLines('shop-1', vm('a', 'copying'))).toEqual([]);
});

test('decision - of very many the first are told, and where the others are', () => {
  const many = Array.from({ length: 30 }, (_, i) => vm(`vm-${i}`, 'decision-needed'));
  const lines = errorLines(decisionNeeded(migration(...many))).join('\n');
  expect(lines).toContain('and 20 more: tranship describe migration shop-1');
  expect(lines).not.toContain('vm-10');
});
