import type { Problem, TranshipEvent } from '@tranship/contracts';
import { errorCatalogue } from '@tranship/contracts';
import type { Course } from './course.ts';
import { copyRateOf, forecast, type History, writeRateOf } from './forecast.ts';
import { allCutOver } from './group.ts';
import { refusalOf } from './inspection.ts';
import { finished } from './passes.ts';

/** What a decision may look at besides the fold: the time (milliseconds since the epoch), and what others took. */
export interface Present {
  readonly now: number;
  readonly history: History;
  /** The other VMs of the course's group. */
  readonly others: readonly Course[];
  /** A workbench with nothing to do for longer than this is released. */
  readonly releaseAfterMs: number;
}

/** A delta that would take longer than this is worth one more pass before the power-off, seconds. */
const longDelta = 15;
/** The interval between passes is chosen so that a delta takes about this long, seconds. */
const wantedDelta = 20;
const shortest = 60_000;
/** After a cutover was put off. */
const lateLookMs = 60_000;
const longest = 3_600_000;

/** What is due between two passes: another pass, the cutover, or nothing yet. Cold has its first pass as its final one. */
export function whileWaiting(course: Course, present: Present): TranshipEvent | undefined {
  const event = alone(course, present);
  if (course.released && event && atTheBench.has(event.type)) return prepareDue;
  if (event?.type !== 'vm.cutover-due') return event ?? standing(course, present);
  const begins = (other: Course) =>
    other.cancelledIn === undefined && !other.released && alone(other, present)?.type === 'vm.cutover-due';
  return allCutOver(present.others, begins) ? event : anotherPass(course, present);
}

/** No source is stopped, and nothing is copied or looked at, before the workbench stands. */
const atTheBench: ReadonlySet<string> = new Set(['vm.pass-started', 'vm.inspection-due', 'vm.cutover-due']);
const prepareDue: TranshipEvent = { type: 'vm.prepare-due', data: {} };

/** Nothing else is due: a workbench that is not needed for long goes, and stands again a little ahead of its time. */
function standing(course: Course, { now, releaseAfterMs }: Present): TranshipEvent | undefined {
  const last = finished(course.passes).at(-1);
  const at = dueAt(course);
  if (course.released) return now >= at - aheadMs(releaseAfterMs) ? prepareDue : undefined;
  // Once between two passes: one that would not go, or that a cutover stood for, stays.
  if (!last || at - now <= releaseAfterMs || (course.entered.RL ?? '') > last.finished!) return undefined;
  return { type: 'vm.release-due', data: Number.isFinite(at) ? { until: new Date(at).toISOString() } : {} };
}
const aheadMs = (releaseAfterMs: number) => releaseAfterMs / 10;

/** What would be due if there were no group. */
function alone(course: Course, present: Present): TranshipEvent | undefined {
  const { plan, passes, paused } = course;
  if (plan!.type === 'cold') return paused ? undefined : due('a cold migration has no other pass');
  const last = finished(passes).at(-1);
  if (last && course.forecast?.pass !== last.pass)
    return { type: 'vm.forecast', data: forecast(passes, plan!.target.disks, present.now, present.history) };
  // What was kept may be of a guest that has been mended since.
  if (last && course.kept) return paused ? undefined : passAfter(last.pass);
  const refusal = refusalOf(course);
  if (refusal) return { type: 'vm.undo-began', data: { error: refusal } };
  if (last && plan!.convert === 'auto' && !course.results.inspect) return { type: 'vm.inspection-due', data: {} };
  if (paused) return undefined;
  if (!last) return passAfter(0);
  if (course.postponed && last.off) return due('its guest has shut down after all');
  const wish = wished(course, present);
  return wish === undefined ? anotherPass(course, present) : cutOver(course, present, wish);
}

const passAfter = (pass: number): TranshipEvent => ({ type: 'vm.pass-started', data: { pass: pass + 1 } });

function anotherPass(course: Course, { now }: Present): TranshipEvent | undefined {
  const at = nextPassAt(course);
  return at !== undefined && now >= at ? passAfter(finished(course.passes).at(-1)!.pass) : undefined;
}

/** Why it is time to cut over, if it is. */
function wished({ plan, cutover, postponed, forecast: told }: Course, { now }: Present): string | undefined {
  if (cutover) return cutover.at === undefined || now >= Date.parse(cutover.at) ? 'a person asked for it' : undefined;
  if (postponed) return undefined;
  const { mode, at, budgetMs } = plan!.cutover;
  if (mode === 'at' && at !== undefined && now >= Date.parse(at)) return `it is ${at}`;
  if (mode === 'budget' && budgetMs !== undefined && told && told.pass > 1 && told.high * 1000 <= budgetMs)
    return `the forecast, ${told.high} s at most, fits the budget`;
  return undefined;
}

/** Right before the power-off the forecast is made anew: a long delta is shortened by one more pass; over the budget is put off. */
function cutOver(course: Course, present: Present, why: string): TranshipEvent | undefined {
  const { now, history } = present;
  const { plan, passes, cutover } = course;
  const fresh = forecast(passes, plan!.target.disks, now, history);
  const last = finished(passes).at(-1)!;
  const asked = cutover?.at ?? cutover?.asked ?? (plan!.cutover.mode === 'at' ? plan!.cutover.at : undefined);
  const since = asked === undefined || Date.parse(last.started) >= Date.parse(asked);
  if (fresh.parts.delta > longDelta && !since) return passAfter(last.pass);
  const { budgetMs } = plan!.cutover;
  if (budgetMs !== undefined && fresh.seconds * 1000 > budgetMs && !cutover?.force) {
    // Nobody waits for it: the next forecast may fit.
    if (!cutover && plan!.cutover.mode === 'budget') return anotherPass(course, present);
    return { type: 'vm.cutover-postponed', data: { error: overBudget(fresh.seconds, budgetMs) } };
  }
  return due(why);
}

const due = (why: string): TranshipEvent => ({ type: 'vm.cutover-due', data: { why } });

function overBudget(seconds: number, budgetMs: number): Problem {
  const code = 'cutover.over-budget';
  const { title, fix, retry } = errorCatalogue[code];
  return { code, title, fix, retry, detail: `the forecast is ${seconds} s, the budget ${budgetMs / 1000} s` };
}

/** When the next pass begins, milliseconds since the epoch: soon after a cutover was put off, for the guest may shut down late. */
export function nextPassAt({ plan, passes, postponed, since }: Course): number | undefined {
  const done = finished(passes);
  const last = done.at(-1);
  if (!last) return undefined;
  const interval = plan!.intervalMs ?? autoInterval(writeRateOf(done, plan!.target.disks), copyRateOf(done));
  const late = postponed && last.finished! < since ? Date.parse(since) + lateLookMs : Number.POSITIVE_INFINITY;
  return Math.min(late, Date.parse(last.finished!) + interval);
}

/** As long as the guest takes to change what a pass copies in 20 s; between a minute and an hour. */
export function autoInterval(writeRate: number, copyRate: number): number {
  const ms = writeRate > 0 ? (wantedDelta * copyRate * 1000) / writeRate : longest;
  return Math.round(Math.min(longest, Math.max(shortest, ms)));
}

/** Before a step is tried again, by its tries: what is away for a moment, or restarted, is back by then. */
const pauses = [1_000, 5_000, 20_000, 60_000, 120_000];

/** When the step that failed is tried again, milliseconds since the epoch. */
export const againAt = ({ failure, tries }: Course): number | undefined =>
  failure?.again ? Date.parse(failure.at) + (pauses[tries - 2] ?? pauses.at(-1)!) : undefined;

/** When a course has to be looked at again; `undefined`: an event will tell. */
export function wakeAt(course: Course, { releaseAfterMs }: Pick<Present, 'releaseAfterMs'>): number | undefined {
  const again = againAt(course);
  if (again !== undefined) return again;
  if (course.state !== 'WT') return undefined;
  const at = dueAt(course) - (course.released ? aheadMs(releaseAfterMs) : 0);
  return Number.isFinite(at) ? at : undefined;
}

/** When the next pass or the cutover comes by itself, milliseconds since the epoch; infinity where nobody knows. */
function dueAt(course: Course): number {
  const { plan, cutover, postponed, paused } = course;
  if (paused) return Number.POSITIVE_INFINITY;
  const at = cutover?.at ?? (plan!.cutover.mode === 'at' && !postponed ? plan!.cutover.at : undefined);
  return Math.min(
    nextPassAt(course) ?? Number.POSITIVE_INFINITY,
    at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at),
  );
}
