import type { Course } from './course.ts';

/** Whether the source ran when its cutover began: what `powerOff` found, where it came so far. */
export const wasOn = ({ plan, results }: Pick<Course, 'plan' | 'results'>): boolean =>
  ((results.powerOff as { was?: string } | undefined)?.was ?? plan?.power) === 'poweredOn';
