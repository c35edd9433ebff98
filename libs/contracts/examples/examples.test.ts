import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkDocument, type DocumentKind, documentKinds, events, messages, queries, steps } from '../index.ts';
import { documentExamples, eventExamples, messageExamples, queryExamples, stepExamples } from './index.ts';

const of = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];
/** Nothing of the example is lost: what its schema does not know would be. */
const whole = (schema: { parse(value: unknown): unknown }, example: unknown) =>
  expect({ of: schema.parse(example) }).toMatchObject({ of: example });

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
  it.each(of(messages))('message - %s', (name) => {
    const example: { data: unknown; answer?: unknown } = messageExamples[name];
    const { data, answer = z.undefined() }: { data: z.ZodType; answer?: z.ZodType } = messages[name];
    whole(data, example.data);
    whole(answer, example.answer);
  });
});
