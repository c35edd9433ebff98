import type { MigrationStatus, Progress, VmStatus } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { flow, watchModel, withMigration, withProgress } from './model.ts';
import { movedLines, Tenths } from './plain.ts';
import { summary, watchLines } from './view.ts';

const now = Date.parse('2026-01-01T00:01:00Z');
const mib = 1024 ** 2;
const vm = (name: string, state: string, step: string | null, more: object = {}) =>
  ({
    ...{ id: `id-${name}`, name, state, step, attempt: 1, since: '2026-01-01T00:00:30Z', results: {} },
    ...more,
  }) as VmStatus;
const migration = (...vms: VmStatus[]): MigrationStatus => ({
  ...{ id: 'shop-1', plan: 'shop', state: 'running', started: '2026-01-01T00:00:00Z', vms },
});
const progress = (name: string, doneBytes: number, more: Partial<Progress> = {}): Progress => ({
  ...{ migration: 'shop-1', vm: `id-${name}`, disk: 0, step: 'copy', doneBytes, totalBytes: 100 * mib },
  ...{ bytesPerSecond: 10 * mib, etaSeconds: 5, basis: 'rate', ...more },
});
const plain = (_: string, text: string) => text;
const view = { now, columns: 120, rows: 40, style: plain };
const failed = { code: 'transfer.read', detail: 'the host is gone', fix: 'see the library', title: '', retry: true };

describe('model', () => {
  it('progress - of another migration is passed over; that of a step that is over is let go', () => {
    const start = watchModel(migration(vm('web', 'copying', 'copy')));
    expect(withProgress(start, progress('web', 1, { migration: 'other' }))).toBe(start);
    const copying = withProgress(start, progress('web', 50 * mib));
    expect(flow(copying)).toEqual({ done: 50 * mib, total: 100 * mib, rate: 10 * mib, eta: 5 });
    expect(flow(withMigration(copying, migration(vm('web', 'proving', 'prove'))))).toBeUndefined();
  });
});

describe('view', () => {
  it('picture - a row for each VM, a bar for each disk, and why one failed', () => {
    const all = migration(vm('web', 'copying', 'copy'), vm('db', 'failed', null, { error: failed }));
    const lines = watchLines(withProgress(watchModel(all), progress('web', 52 * mib)), view);
    expect(lines[0]).toMatch(/^shop-1 of shop: running, 1m.* · 1 of 2 done · /);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}web +copying +30s/));
    expect(lines).toContainEqual(expect.stringMatching(/disk 0 copy .*52%.* 5s left/));
    expect(lines).toContainEqual(expect.stringContaining('transfer.read: the host is gone'));
    expect(lines).toContainEqual(expect.stringContaining('fix: see the library'));
  });

  it('waits - the reason is told, and again when it changes', () => {
    const first = migration(vm('web', 'waiting', null, { waits: 'for the window that opens at T1' }));
    const later = migration(vm('web', 'waiting', null, { waits: 'for the window that opens at T2' }));
    expect(watchLines(watchModel(first), view)).toContainEqual('      waits for the window that opens at T1');
    expect(movedLines(first, first, now)).toEqual([]);
    expect(movedLines(first, later, now)).toEqual(['00:01:00 web waiting for the window that opens at T2']);
  });

  it('time - that is left comes with its basis, and is told where it is unknown', () => {
    const line = (more: Partial<Progress>) =>
      watchLines(
        withProgress(watchModel(migration(vm('web', 'copying', 'copy'))), progress('web', mib, more)),
        view,
      ).find((each) => each.includes('disk 0'));
    expect(line({})).toMatch(/ 5s left$/);
    expect(line({ basis: 'forecast' })).toMatch(/ 5s left by forecast$/);
    expect(line({ basis: 'unknown', etaSeconds: null })).toMatch(/ unknown left$/);
    expect(line({ doneBytes: 100 * mib })).not.toContain('left');
  });

  it('room - no more lines than there are, none longer than the screen; who asks for a person comes first', () => {
    const many = Array.from({ length: 50 }, (_, i) => vm(`vm-${i}`, 'queued', null));
    const all = migration(...many, vm('asks', 'decision-needed', null));
    const lines = watchLines(watchModel(all), { ...view, rows: 10, columns: 40 });
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(lines.join('\n')).toContain('asks');
    expect(lines.at(-1)).toMatch(/… and \d+ more: \d+ queued/);
  });

  it('summary - how it ended, how long it took, how many', () => {
    const end = { ...migration(vm('a', 'succeeded', null), vm('b', 'failed', null)), state: 'failed' as const };
    expect(summary({ ...end, finished: '2026-01-01T00:00:42Z' })).toBe('shop-1 failed in 42s: 1 succeeded, 1 failed');
  });
});

describe('plain', () => {
  it('moves - a line for each VM that moved, with the reason of a failure, and none for the others', () => {
    const before = migration(vm('web', 'queued', null), vm('db', 'copying', 'copy'));
    const after = migration(
      vm('web', 'preparing', 'prepare'),
      vm('db', 'copying', 'copy', { attempt: 2, error: failed }),
    );
    expect(movedLines(before, after, now)).toEqual([
      '00:01:00 web preparing',
      '00:01:00 db copying (attempt 2): transfer.read: the host is gone; fix: see the library',
    ]);
    expect(movedLines(after, after, now)).toEqual([]);
  });

  it('concerns - what a person should know is told once, in both', () => {
    const concern = {
      ...{ id: 'target.unproven', category: 'warning' as const, label: 'Nothing inside has answered' },
      ...{ why: 'w', fix: 'f', path: 'health.agent' },
    };
    const before = migration(vm('web', 'settling', null));
    const after = migration(vm('web', 'succeeded', null, { concerns: [concern] }));
    const line = '00:01:00 web succeeded; target.unproven: Nothing inside has answered';
    expect(movedLines(before, after, now)).toEqual([line]);
    expect(movedLines(after, after, now)).toEqual([]);
    expect(watchLines(watchModel(after), view)).toContainEqual('      target.unproven: Nothing inside has answered');
  });

  it('tenths - each disk is told of at every tenth once; a later pass begins anew', () => {
    const tenths = new Tenths();
    const told = (done: number) =>
      tenths.lines(withProgress(watchModel(migration(vm('web', 'copying', 'copy'))), progress('web', done)), now)
        .length;
    expect([5, 12, 15, 25, 100].map((share) => told(share * mib))).toEqual([0, 1, 0, 1, 1]);
    expect([1, 11].map((share) => told(share * mib))).toEqual([0, 1]);
  });

  it('stages - what has no bytes to count is told at each stage once, and is no part of the flow', () => {
    const tenths = new Tenths();
    const at = (stage: string) => {
      const converting = watchModel(migration(vm('web', 'converting', 'convert')));
      return withProgress(converting, progress('web', 0, { step: 'convert', stage, totalBytes: 0 }));
    };
    const told = (stage: string) => tenths.lines(at(stage), now);
    expect(told('Starting the appliance')).toEqual(['00:01:00 web convert: Starting the appliance']);
    expect(told('Starting the appliance')).toEqual([]);
    expect(told('Checking what was written')).toHaveLength(1);
    expect(flow(at('Writing the changes'))).toBeUndefined();
    expect(watchLines(at('Writing the changes'), view)).toContain('    convert: Writing the changes');
  });
});
