import type { StepResult } from '@tranship/contracts';
import type { Course } from './course.ts';

const converted = ({ results }: Course) => (results.convert ?? {}) as Partial<StepResult<'convert'>>;

/** `ifPresent`: required where the guest holds an agent; not asked for where nothing was converted, for nothing is known of the guest. */
export function agentMode(course: Course) {
  const asked = course.plan!.health.agent;
  const { engine, agent } = converted(course);
  if (asked !== 'ifPresent') return asked;
  if (engine === 'none') return 'ignore';
  return agent === 'present' ? 'required' : asked;
}

/** What is known of the agent of a guest in which nothing has answered. */
export function agentKnown(course: Course): string {
  const { agent } = converted(course);
  if (agent === 'absent') return 'its guest has no guest agent';
  if (agent === 'later') return 'the guest agent that its guest installs by itself has not answered';
  return 'no guest agent has answered';
}

/** Its target was started, and nothing inside has said that it is up. */
export const isUnproven = ({ plan, results }: Course): boolean =>
  plan!.start && !(results.watchHealth as Partial<StepResult<'watchHealth'>> | undefined)?.proven;
