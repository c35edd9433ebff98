import { type ErrorCode, errorCatalogue, type InspectFacts, type Problem } from '@tranship/contracts';
import type { Course } from './course.ts';

const of = ({ results }: Pick<Course, 'results'>) => results.inspect as InspectFacts | undefined;

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
