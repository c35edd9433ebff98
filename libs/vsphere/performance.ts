import type { PerfQuery, Ref } from './control.ts';
import { list, type Value } from './xml.ts';

/** One series of an object's figures: a counter by its name, e.g. `datastore.totalReadLatency.average`, and what of the object it is of. */
export interface Metric {
  readonly counter: string;
  readonly instance: string;
}
export interface Sample extends Metric {
  readonly value: number;
}
/** Numbers of counters, by their names: each vCenter has its own. */
export type Counters = ReadonlyMap<string, number>;

/** Hosts and VMs are sampled so often, seconds; nothing else is in real time. */
const realTime = 20;

type Fields = { readonly [key: string]: Value | undefined };
const fields = (value: Value | undefined): Fields => (typeof value === 'object' ? (value as Fields) : {});

/** Of the PerformanceManager's `perfCounter`. */
export const countersIn = (perfCounter: Value | undefined): Counters =>
  new Map(
    list(perfCounter).map((each) => {
      const { key, groupInfo, nameInfo, rollupType } = fields(each);
      return [`${fields(groupInfo).key}.${fields(nameInfo).key}.${rollupType}`, Number(key)];
    }),
  );

/** `undefined`: this vCenter has none of these counters. */
export function perfQuery(entity: Ref, metrics: readonly Metric[], counters: Counters): PerfQuery | undefined {
  const metricId = metrics.flatMap(({ counter, instance }) => {
    const counterId = counters.get(counter);
    return counterId === undefined ? [] : { counterId, instance };
  });
  return metricId.length === 0 ? undefined : { entity, maxSample: 1, metricId, intervalId: realTime };
}

/** Of QueryPerf's answer; a figure below 0 stands for none. */
export function samplesIn(answer: Value | undefined, counters: Counters): Sample[] {
  const names = new Map([...counters].map(([name, key]) => [key, name]));
  return list(answer)
    .flatMap((each) => list(fields(each).value))
    .flatMap((series) => {
      const { id, value } = fields(series);
      const { counterId, instance } = fields(id);
      const last = list(value)
        .map(Number)
        .filter((figure) => figure >= 0)
        .at(-1);
      const counter = names.get(Number(counterId));
      return last === undefined || counter === undefined ? [] : { counter, instance: String(instance), value: last };
    });
}
