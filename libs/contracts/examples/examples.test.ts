import { describe, expect, it } from 'vitest';
import { checkDocument, type DocumentKind, documentKinds, events, queries, steps } from '../index.ts';
import { documentExamples, eventExamples, queryExamples, stepExamples } from './index.ts';

const of = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];
/** Nothing of the example is lost: what its schema does not know would be. */
const whole = (schema: { parse(value: unknown): unknown }, example: unknown) =>
  expect(schema.parse(example)).toMatchObject(example as object);

describe('examples', () => {
  it.each(of(documentKinds))('document - %s', (kind) => {
    whole({ parse: checkDocument }, documentExamples[kind as DocumentKind]);
  });
  it.each(of(events))('event - %s', (type) => whole(events[type].data, eventExamples[type]));
  it.each(of(steps))('step - %s', (step) => {
    whole(steps[step].input, stepExamples[step].input);
    whole(steps[step].result, stepExamples[step].result);
  });
  it.each(of(queries))('query - %s', (name) => {
    whole(queries[name].input, queryExamples[name].input);
    whole(queries[name].result, queryExamples[name].result);
  });
});
