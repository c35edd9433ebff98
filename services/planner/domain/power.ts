import type { StepName, VmPlan } from '@tranship/contracts';

/** Whether the source ran when its cutover began: what `powerOff` found, where it came so far. */
export const wasOn = ({
  plan,
  results,
}: {
  readonly plan: VmPlan | undefined;
  readonly results: { readonly [K in StepName]?: unknown };
}): boolean => ((results.powerOff as { was?: string } | undefined)?.was ?? plan?.power) === 'poweredOn';
