import { root, subjects, TranshipError } from '@tranship/contracts';

const prefix = `${root}.evt.`;

/** What a person gave as `subject`, as a whole subject with wildcards: `vm.>` is short for `tranship.v1.evt.vm.>`. */
export function subjectFilter(text: string): string {
  const whole = text.startsWith(`${root}.`) ? text : `${prefix}${text}`;
  const tokens = whole.split('.');
  const wellFormed = tokens.every(
    (token, i) => /^[A-Za-z0-9_=-]+$/.test(token) || token === '*' || (token === '>' && i === tokens.length - 1),
  );
  if (wellFormed && whole.startsWith(prefix)) return whole;
  throw new TranshipError('document.invalid', `subject: ${JSON.stringify(text)} is no filter such as vm.> or plan.*`, {
    path: 'subject',
  });
}

/** All that is told of one migration. */
export const migrationFilters = (id: string): string[] => [
  subjects.event('migration', id),
  `${subjects.event('vm', id)}.>`,
];

/** NATS' rule: `*` is one token, `>` the rest (at least one). */
export function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const given = subject.split('.');
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return given.length > i;
    if (given[i] === undefined || (token !== '*' && token !== given[i])) return false;
  }
  return wanted.length === given.length;
}
