import type { StepResult } from '@tranship/contracts';
import type { Course } from './course.ts';

/** Where nothing was converted there is no guest that could answer. */
export function agentMode({ plan, results }: Course) {
  const { agent } = plan!.health;
  const engine = (results.convert as { engine?: string } | undefined)?.engine;
  return agent === 'ifPresent' && engine === 'none' ? 'ignore' : agent;
}

/** Its target was started, and nothing inside has said that it is up. */
export const isUnproven = ({ plan, results }: Course): boolean =>
  plan!.start && !(results.watchHealth as Partial<StepResult<'watchHealth'>> | undefined)?.proven;
