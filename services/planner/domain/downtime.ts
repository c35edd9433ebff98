import type { Forecast } from '@tranship/contracts';
import type { Course } from './course.ts';
import type { History } from './forecast.ts';
import type { State } from './states.ts';

export type Parts = Forecast['parts'];

/** From the state that begins a part of the downtime to the one that ends it. */
const spans: { readonly [K in keyof Parts]: readonly [State, State] } = {
  shutdown: ['ST', 'FC'],
  delta: ['FC', 'PV'],
  prove: ['PV', 'CV'],
  convert: ['CV', 'HO'],
  handOver: ['HO', 'SR'],
  boot: ['SR', 'SE'],
};

/** The parts of the downtime that are over, in seconds: from the moment that the source was told to stop until the target is well. */
export function downtimeParts({ entered }: Course): Partial<Parts> {
  const parts = (Object.keys(spans) as (keyof Parts)[]).flatMap((part) => {
    const [from, to] = spans[part].map((state) => entered[state]);
    return from === undefined || to === undefined || to < from
      ? []
      : [[part, (Date.parse(to) - Date.parse(from)) / 1000] as const];
  });
  return Object.fromEntries(parts);
}

/** What the parts took in courses that went well. */
export function historyOf(courses: Iterable<Course>): History {
  const history = { shutdown: [] as number[], convert: [] as number[], handOver: [] as number[], boot: [] as number[] };
  for (const course of courses) {
    if (course.state !== 'OK') continue;
    const parts = downtimeParts(course);
    for (const part of Object.keys(history) as (keyof History)[]) {
      const seconds = parts[part];
      if (seconds !== undefined) history[part] = [...history[part], seconds].slice(-20);
    }
  }
  return history;
}
