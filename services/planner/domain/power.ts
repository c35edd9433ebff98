import type { StepName, VmPlan } from '@tranship/contracts';

/** Of a course: what was planned, and what its steps found. */
export interface Known {
  readonly plan: VmPlan | undefined;
  readonly results: { readonly [K in StepName]?: unknown };
}

/** Whether the source ran when its cutover began: what `powerOff` found, where it came so far. */
export const wasOn = ({ plan, results }: Known): boolean =>
  ((results.powerOff as { was?: string } | undefined)?.was ?? plan?.power) === 'poweredOn';
