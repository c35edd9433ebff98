import { Cron } from 'croner';
import { z } from 'zod';
import { durationMs, durationSchema } from './common.ts';

/** Any moment: a pattern that never comes after it never comes. */
const sometime = new Date('2026-01-01T00:00:00Z');

const zoneSchema = z.string().refine((timeZone) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }) !== undefined;
  } catch {
    return false;
  }
}, 'a time zone such as Europe/Berlin or UTC');

const cronSchema = z.string().refine((cron) => {
  try {
    return new Cron(cron, { mode: '5-part', timezone: 'UTC' }).nextRun(sometime) !== null;
  } catch {
    return false;
  }
}, 'five fields (minute, hour, day, month, weekday) that come at some time, such as "0 22 * * 6"');

export const windowSchema = z.strictObject({
  cron: cronSchema.describe('When it opens: minute, hour, day, month, weekday, such as `0 22 * * 6`'),
  for: durationSchema
    .refine((text) => durationMs(text) >= 60_000, 'at least 1m')
    .describe('How long it stays open, such as `4h`; at least 1m'),
  timeZone: zoneSchema.default('UTC').describe('Whose clock `cron` is read by, such as `Europe/Berlin`'),
});
