import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gateAt, nextOpening, type Window } from './window.ts';

const hour = 3_600_000;
const window = (cron: string, forHours: number, timeZone = 'Europe/Berlin'): Window => ({
  ...{ cron, timeZone, forMs: forHours * hour },
});
const at = Date.parse;
const iso = (ms: number | undefined) => ms !== undefined && new Date(ms).toISOString();
const saturday = window('0 22 * * 6', 4);

test('window - open from its opening until just before its end, by the clock of its zone', () => {
  const opens = at('2026-01-03T21:00:00Z');
  expect(gateAt(saturday, opens - 1)).toEqual({ open: false, opens });
  expect(gateAt(saturday, opens)).toEqual({ open: true, began: opens, ends: opens + 4 * hour });
  expect(gateAt(saturday, opens + 4 * hour - 1)).toMatchObject({ open: true });
  expect(gateAt(saturday, opens + 4 * hour)).toEqual({ open: false, opens: opens + 7 * 24 * hour });
});

test('window - in summer it opens an hour earlier by UTC', () => {
  expect(iso(nextOpening(saturday, at('2026-07-01T00:00:00Z')))).toBe('2026-07-04T20:00:00.000Z');
});

test('window - it keeps its length over the night in which the clocks are set', () => {
  const spring = at('2026-03-28T21:00:00Z');
  const autumn = at('2026-10-24T20:00:00Z');
  for (const opens of [spring, autumn])
    expect(gateAt(saturday, opens + 3 * hour)).toEqual({ open: true, began: opens, ends: opens + 4 * hour });
});

test('window - an hour that the clocks leap over opens at the leap; one that comes twice opens once', () => {
  const night = window('30 2 * * *', 1);
  expect(iso(nextOpening(night, at('2026-03-28T12:00:00Z')))).toBe('2026-03-29T01:00:00.000Z');
  const twice = at('2026-10-25T00:30:00Z');
  expect(nextOpening(night, twice - hour)).toBe(twice);
  expect(iso(nextOpening(night, twice))).toBe('2026-10-26T01:30:00.000Z');
  // 02:30 for the second time.
  expect(gateAt(night, twice + hour)).toMatchObject({ open: false });
});

test('window - the second Saturday of a month', () => {
  expect(iso(nextOpening(window('0 22 * * 6#2', 4), at('2026-01-01T00:00:00Z')))).toBe('2026-01-10T21:00:00.000Z');
});

test('window - the model: open exactly for its length after each opening, on every day of a year', () => {
  const pattern = fc.record({
    minute: fc.integer({ min: 0, max: 59 }),
    hour: fc.integer({ min: 0, max: 23 }),
    day: fc.constantFrom('*', '0', '6', '1-5'),
    forHours: fc.integer({ min: 1, max: 12 }),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
    after: fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') }),
  });
  fc.assert(
    fc.property(pattern, ({ minute, hour: h, day, forHours, zone, after }) => {
      const each = window(`${minute} ${h} * * ${day}`, forHours, zone);
      const opens = nextOpening(each, after)!;
      expect(opens).toBeGreaterThan(after);
      for (const inside of [opens, opens + each.forMs / 2, opens + each.forMs - 1])
        expect(gateAt(each, inside)).toEqual({ open: true, began: opens, ends: opens + each.forMs });
      expect(gateAt(each, opens - 1)).toEqual({ open: false, opens });
      expect(gateAt(each, opens + each.forMs)).toMatchObject({ open: false });
    }),
    { numRuns: 100 },
  );
});
