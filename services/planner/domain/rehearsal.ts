import type { Plan, Rehearsal, SourceVm, StepResult } from '@tranship/contracts';
import type { Course } from './course.ts';
import { finished } from './passes.ts';

/** The last rehearsal, of whatever pass. */
export const rehearsalOf = ({ results }: Pick<Course, 'results'>): Rehearsal | undefined =>
  results.rehearse as Rehearsal | undefined;

/** One is to be made: a person asked for it, or the plan requires it and none was made. */
export const isWanted = (course: Course): boolean =>
  course.rehearsalAsked || (course.plan?.rehearse === 'required' && !rehearsalOf(course));

/** It keeps the cutover from beginning: what the plan requires was not made, or failed. Nobody's word overrides it. */
export const isBarred = (course: Course): boolean =>
  course.plan?.rehearse === 'required' && !rehearsalOf(course)?.passed;

/** The pass whose copy would be rehearsed now; 0: there is none. */
export const lastPass = ({ passes }: Pick<Course, 'passes'>): number => finished(passes).at(-1)?.pass ?? 0;

/** Nothing new would be learnt of a copy that was rehearsed already: another pass comes first. */
export const isStale = (course: Course): boolean => rehearsalOf(course)?.pass === lastPass(course);

/** The workbench that stands was made for it. */
export const isFitted = ({ results }: Course): boolean =>
  (results.prepare as StepResult<'prepare'> | undefined)?.rehearse === true;

const rehearses = ({ spec }: Plan): boolean => spec.defaults.rehearse === 'required';
/** By this plan VMs that run are copied at snapshots, whatever its type: to be looked through, or rehearsed. */
export const hasSnapshots = (plan: Plan): boolean =>
  plan.spec.type === 'warm' || plan.spec.defaults.inspect === 'required' || rehearses(plan);

interface Moved {
  readonly plan: Plan;
  readonly vm: Pick<SourceVm, 'powerState'>;
}
/** It is copied while it runs, in passes. One that is off moves cold, whatever the plan says. */
export const runsMeanwhile = ({ plan, vm }: Moved): boolean =>
  plan.spec.type === 'warm' && vm.powerState !== 'poweredOff';
/** It is copied at snapshots, as what is rehearsed always is; else only while it is off. */
export const atSnapshots = ({ plan, vm }: Moved): boolean =>
  rehearses(plan) || (hasSnapshots(plan) && vm.powerState !== 'poweredOff');

/** What a person has to see to before the cutover; `undefined`: nothing. */
export function barredBy(course: Course): string | undefined {
  const failed = rehearsalOf(course);
  if (!isBarred(course) || !failed) return undefined;
  return `for a rehearsal that passes: ${failed.error?.detail ?? 'the last one did not'}`;
}
