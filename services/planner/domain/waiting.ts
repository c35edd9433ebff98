import { TranshipError, type TranshipEvent } from '@tranship/contracts';
import { againAt, waitsForSource } from './again.ts';
import type { Course } from './course.ts';
import { copyRateOf, forecast, type History, writeRateOf } from './forecast.ts';
import { allCutOver, pulled } from './group.ts';
import { isUnseen, refusalOf } from './inspection.ts';
import { finished } from './passes.ts';
import { barredBy, isBarred, isFitted, isStale, isWanted } from './rehearsal.ts';
import { gateAt, nextOpening } from './window.ts';

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
/** After a guest did not shut down. */
const lateLookMs = 60_000;
const longest = 3_600_000;

/** What is due between two passes: another pass, the inspection, the rehearsal, the cutover, or nothing yet. Cold has its first pass as its final one, unless there is to be a copy before. */
export function whileWaiting(course: Course, present: Present): TranshipEvent | undefined {
  const { event, held } = wanted(course, present);
  if (event && atTheBench.has(event.type) && (course.released || !isFit(course, event))) return prepareDue;
  return event ?? (held ? undefined : standing(course, present));
}

/** What is due; `held`: its cutover is, and only the others of its group are waited for. */
function wanted(course: Course, present: Present): { event: TranshipEvent | undefined; held: boolean } {
  const event = alone(course, present);
  const begins = (other: Course) =>
    other.cancelledIn === undefined && !other.released && alone(other, present)?.type === 'vm.cutover-due';
  // A bench that rests is stood up before the others are asked.
  const held = event?.type === 'vm.cutover-due' && !course.released && !allCutOver(present.others, begins);
  const due = held ? anotherPass(course, present) : event;
  return { event: due?.type === 'vm.pass-started' && course.guarded ? undefined : due, held };
}

/** No source is stopped, and nothing is copied or looked at, before the workbench stands. */
const atTheBench: ReadonlySet<string> = new Set([
  ...['vm.pass-started', 'vm.inspection-due', 'vm.rehearsal-due', 'vm.cutover-due'],
]);
const isFit = (course: Course, { type }: TranshipEvent) => type !== 'vm.rehearsal-due' || isFitted(course);
const prepareDue: TranshipEvent = { type: 'vm.prepare-due', data: {} };

/** Nothing else is due: a workbench that is not needed for long goes, and stands again a little ahead of its time. */
function standing(course: Course, { now, releaseAfterMs }: Present): TranshipEvent | undefined {
  const last = finished(course.passes).at(-1);
  const at = dueAt(course, now);
  if (course.released) return now >= at - aheadMs(releaseAfterMs) ? prepareDue : undefined;
  // Once between two passes: one that would not go, or that a cutover stood for, stays.
  if (!last || at - now <= releaseAfterMs || (course.entered.RL ?? '') > last.finished!) return undefined;
  return { type: 'vm.release-due', data: Number.isFinite(at) ? { until: new Date(at).toISOString() } : {} };
}
const aheadMs = (releaseAfterMs: number) => releaseAfterMs / 10;

/** What would be due if there were no group. */
function alone(course: Course, present: Present): TranshipEvent | undefined {
  const { plan, passes, paused } = course;
  const cold = plan!.type === 'cold';
  // Those of its group that have begun are down: they wait for no rehearsal.
  const asked = isWanted(course) && !pulled(present.others);
  // It is copied while its source runs only so that there is a copy to be looked through, or rehearsed.
  if (cold && !asked && !isBarred(course) && !isUnseen(course))
    return paused || kept(course, present) !== undefined ? undefined : due('a cold migration has no other pass');
  const last = finished(passes).at(-1);
  if (last && course.forecast?.pass !== last.pass)
    return { type: 'vm.forecast', data: forecast(passes, plan!, present.now, present.history) };
  // What was kept may be of a guest that has been mended since.
  if (last && course.kept) return paused ? undefined : passAfter(last.pass);
  const refusal = refusalOf(course);
  if (refusal && !course.convertible) return { type: 'vm.undo-began', data: { error: refusal } };
  if (last && plan!.convert === 'auto' && !course.results.inspect) return inspectionDue;
  if (last && asked && !isStale(course)) return { type: 'vm.rehearsal-due', data: {} };
  if (paused) return undefined;
  if (!last) return passAfter(0);
  if (asked) return passAfter(last.pass);
  if (isBarred(course)) return anotherPass(course, present);
  if (course.postponed && last.off) return due('its guest has shut down after all');
  if (!course.postponed && pulled(present.others)) return due('another of its group has begun');
  const wish = wished(course, present);
  if (wish === undefined) return anotherPass(course, present);
  const event = cutOver(course, present, wish);
  return event?.type === 'vm.cutover-due' ? whenFit(course, present, event) : event;
}

const inspectionDue: TranshipEvent = { type: 'vm.inspection-due', data: {} };

/** A cutover, once the copy that it goes on from was looked through, for room may have gone since the last look, and its guest converts. */
function whenFit(course: Course, present: Present, cutover: TranshipEvent): TranshipEvent | undefined {
  const { plan, passes, inspected, cutover: word } = course;
  const last = finished(passes).at(-1)!;
  if (plan!.convert !== 'auto') return cutover;
  if (inspected !== last.pass) return inspectionDue;
  const error = refusalOf(course);
  if (!error) return cutover;
  // What was mended before somebody asked may be in no copy yet; by budget nobody asks.
  const asked = word?.at ?? word?.asked;
  if (asked !== undefined && Date.parse(asked) > Date.parse(last.started)) return passAfter(last.pass);
  if (!word && plan!.cutover.mode === 'budget') return anotherPass(course, present);
  return { type: 'vm.cutover-postponed', data: { error } };
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
  const { plan, passes, cutover } = course;
  const { mode, budgetMs, window } = plan!.cutover;
  if (cutover?.force) return shortened(course, present) ?? due(why);
  if (window && !gateAt(window, present.now).open) return anotherPass(course, present);
  const shorter = shortened(course, present);
  if (shorter) return shorter;
  const { seconds } = forecast(passes, plan!, present.now, present.history);
  const over = overLimit(seconds, budgetMs, window?.forMs);
  // By budget nobody waits for it: the next forecast may fit.
  if (over && (cutover || mode !== 'budget')) return { type: 'vm.cutover-postponed', data: { error: over } };
  return over || kept(course, present) !== undefined ? anotherPass(course, present) : due(why);
}

/** One more pass where the delta has grown long since somebody asked, or since the window opened. */
function shortened({ plan, passes, cutover, guarded }: Course, { now, history }: Present): TranshipEvent | undefined {
  // Without room for its snapshot there is none.
  if (guarded) return undefined;
  const { mode, at, window } = plan!.cutover;
  const asked = cutover?.at ?? cutover?.asked ?? (mode === 'at' ? at : undefined);
  if (asked === undefined) return undefined;
  const gate = window && gateAt(window, now);
  const since = Math.max(Date.parse(asked), gate?.open ? gate.began : 0);
  const last = finished(passes).at(-1)!;
  const { delta } = forecast(passes, plan!, now, history).parts;
  return delta > longDelta && Date.parse(last.started) < since ? passAfter(last.pass) : undefined;
}

/** Why the window keeps a cutover that is otherwise due from beginning; `undefined`: it does not. */
function kept({ plan, cutover, passes }: Course, { now, history, others }: Present): string | undefined {
  const { window } = plan!.cutover;
  if (!window || cutover?.force || pulled(others)) return undefined;
  const gate = gateAt(window, now);
  const opens = nextOpening(window, now);
  const wait = `for the window that opens at ${opens === undefined ? 'no time' : iso(opens)}`;
  if (!gate.open) return wait;
  // A first pass tells nothing of the next: how long a cold migration takes is not known before.
  if (finished(passes).length === 0) return undefined;
  const { seconds } = forecast(passes, plan!, now, history);
  if (now + seconds * 1000 <= gate.ends) return undefined;
  return `${wait}: the forecast, ${seconds} s, would run over the end of this one at ${iso(gate.ends)}`;
}

/** Why nothing happens although a step, a pass or the cutover is wanted, in words; `undefined`: nothing is wanted, or it happens. */
export function waitsFor(course: Course, present: Present): string | undefined {
  const { state, plan, paused, passes, guarded } = course;
  if (state !== 'WT') return waitsForSource(course, present.now);
  if (paused || !plan) return undefined;
  if (guarded) return `for room: ${guarded.detail}`;
  const barred = barredBy(course);
  if (barred) return barred;
  const wanted = plan.type === 'cold' || (passes.length > 0 && wished(course, present) !== undefined);
  const refusal = refusalOf(course);
  if (wanted && refusal) return `for its guest to be mended: ${refusal.detail}`;
  return wanted ? kept(course, present) : undefined;
}

const iso = (ms: number) => new Date(ms).toISOString();
const due = (why: string): TranshipEvent => ({ type: 'vm.cutover-due', data: { why } });

/** A downtime that the plan's budget does not allow, or that fits no window, however early it begins. */
function overLimit(seconds: number, budgetMs = Number.POSITIVE_INFINITY, forMs = Number.POSITIVE_INFINITY) {
  const ms = seconds * 1000;
  const told = `the forecast is ${seconds} s`;
  if (ms > budgetMs)
    return new TranshipError('cutover.over-budget', `${told}, the budget ${budgetMs / 1000} s`).toProblem();
  if (ms > forMs)
    return new TranshipError('cutover.over-window', `${told}, the window ${forMs / 1000} s long`).toProblem();
  return undefined;
}

/** When the next pass begins, milliseconds since the epoch: soon after a guest did not shut down, for it may do so late. */
export function nextPassAt({ plan, passes, postponed, since, entered }: Course): number | undefined {
  const done = finished(passes);
  const last = done.at(-1);
  if (!last || plan!.type === 'cold') return undefined;
  const interval = plan!.intervalMs ?? autoInterval(writeRateOf(done, plan!.target.disks), copyRateOf(done));
  const told = postponed && last.started < (entered.ST ?? '');
  const late = told ? Date.parse(since) + lateLookMs : Number.POSITIVE_INFINITY;
  return Math.min(late, Date.parse(last.finished!) + interval);
}

/** As long as the guest takes to change what a pass copies in 20 s; between a minute and an hour. */
export function autoInterval(writeRate: number, copyRate: number): number {
  const ms = writeRate > 0 ? (wantedDelta * copyRate * 1000) / writeRate : longest;
  return Math.round(Math.min(longest, Math.max(shortest, ms)));
}

/** A time that came while others were looked at counts as to come. */
const justNowMs = 1_000;

/** When a course has to be looked at again; `undefined`: an event will tell. What is past and still waits, waits for something else. */
export function wakeAt(course: Course, present: Pick<Present, 'now' | 'releaseAfterMs'>): number | undefined {
  const { now, releaseAfterMs } = present;
  const at = againAt(course) ?? dueAt(course, now) - (course.released ? aheadMs(releaseAfterMs) : 0);
  return Number.isFinite(at) && at > now - justNowMs ? at : undefined;
}

/** When the next pass, the cutover, or a window comes by itself, milliseconds since the epoch; infinity where nobody knows. */
function dueAt(course: Course, now: number): number {
  if (course.state !== 'WT' || course.paused) return Number.POSITIVE_INFINITY;
  const { mode, at, window } = course.plan!.cutover;
  const asked = course.cutover?.at ?? (mode === 'at' && !course.postponed ? at : undefined);
  const opens = window && nextOpening(window, now - justNowMs);
  const times = [nextPassAt(course), asked === undefined ? undefined : Date.parse(asked), opens];
  return Math.min(...times.filter((each) => each !== undefined && each > now - justNowMs).map(Number));
}
