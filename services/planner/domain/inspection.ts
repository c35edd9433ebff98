import { type ErrorCode, errorCatalogue, type InspectResult, type Problem } from '@tranship/contracts';
import type { Course } from './course.ts';

const of = ({ results }: Pick<Course, 'results'>) => results.inspect as InspectResult | undefined;

/** Why the guest cannot be converted, as its inspection found; `undefined`: nothing is known to stand in the way. */
export function refusalOf(course: Pick<Course, 'results'>): Problem | undefined {
  const critical = of(course)?.concerns.find(({ category }) => category === 'critical');
  if (!critical) return undefined;
  const code = Object.hasOwn(errorCatalogue, critical.id) ? (critical.id as ErrorCode) : 'guest.unsupported';
  const { title, fix } = errorCatalogue[code];
  return { code, title, fix, retry: false, detail: critical.why };
}

/** What the plan requires was not found out yet, before the downtime: that the guest can be converted. */
export const isUnseen = (course: Pick<Course, 'results' | 'plan' | 'convertible'>): boolean =>
  course.plan?.inspect === 'required' && (!of(course) || (!course.convertible && refusalOf(course) !== undefined));

/** What a migration's status holds of the facts gathered: the diffs of the inspection are in its event alone. */
export function facts({ results }: Pick<Course, 'results'>): Course['results'] {
  const inspect = of({ results });
  if (!inspect) return { ...results };
  return { ...results, inspect: { ...inspect, changes: inspect.changes.map(({ diff: _, ...change }) => change) } };
}
