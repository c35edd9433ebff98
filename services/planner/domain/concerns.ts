import type { Concern } from '@tranship/contracts';
import type { Rule, Subject } from './rule.ts';
import { sourceRules } from './source-rules.ts';
import { targetRules } from './target-rules.ts';

/** Every rule once: what is found, why it matters, and how to mend it. */
export const rules: readonly Rule[] = [...sourceRules, ...targetRules];

/** Every concern of one VM. An accepted one is no longer critical; what makes the move impossible cannot be accepted. */
export function concernsOf(subject: Subject): Concern[] {
  const reasons = new Map(subject.entry.accept.map(({ concern, reason }) => [concern, reason]));
  return rules.flatMap(({ id, category, acceptable, label, fix, find }) => {
    const accepted = acceptable ? reasons.get(id) : undefined;
    const own = typeof category === 'function' ? category(subject) : category;
    return find(subject).map(
      ({ path, why }): Concern => ({
        ...{ id, category: accepted === undefined ? own : 'information', label, why, fix, path },
        ...(accepted === undefined ? {} : { accepted }),
      }),
    );
  });
}
