import { expect, test } from 'vitest';
import { concernCatalogue } from './concerns.ts';
import { errorCatalogue } from './errors.ts';

test('concerns - no id is a code of an error too: an inspection tells refusals by theirs', () => {
  const both = Object.keys(concernCatalogue).filter((id) => Object.hasOwn(errorCatalogue, id));
  expect(both).toEqual([]);
});
