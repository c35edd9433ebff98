import { courseConcerns } from './course.ts';
import type { ConcernEntry } from './entry.ts';
import { guestConcerns } from './guest.ts';
import { sourceConcerns } from './source.ts';
import { targetConcerns } from './target.ts';

export const catalogue = {
  ...sourceConcerns,
  ...targetConcerns,
  ...courseConcerns,
  ...guestConcerns,
} as const satisfies Record<string, ConcernEntry>;
