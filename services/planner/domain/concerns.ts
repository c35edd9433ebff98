import { type Concern, concernCatalogue, concernOf } from '@tranship/contracts';
import type { Rule, Subject } from './rule.ts';
import { sourceRules } from './source-rules.ts';
import { targetRules } from './target-rules.ts';

/** Every rule once. */
export const rules: readonly Rule[] = [...sourceRules, ...targetRules];

/** Every concern of one VM. An accepted one is no longer critical; what makes the move impossible cannot be accepted. */
export function concernsOf(subject: Subject): Concern[] {
  const reasons = new Map(subject.entry.accept.map(({ concern, reason }) => [concern, reason]));
  return rules.flatMap(({ id, category, find }) => {
    const accepted = concernCatalogue[id].acceptable ? reasons.get(id) : undefined;
    return find(subject).map(({ path, why }): Concern => {
      const found = concernOf(id, why, path);
      const own = category?.(subject) ?? found.category;
      return accepted === undefined ? { ...found, category: own } : { ...found, category: 'information', accepted };
    });
  });
}
