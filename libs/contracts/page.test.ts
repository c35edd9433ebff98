import { expect, test } from 'vitest';
import { pageOf } from './page.ts';

const items = ['d', 'b', 'a', 'c', 'e'];
const itself = (item: string) => item;

/** All pages, one after the other, as somebody reads them who hands the token back. */
function read(limit: number, weight?: { weightOf: (item: string) => number; most: number }) {
  const pages: string[][] = [];
  for (let token: string | undefined, i = 0; i === 0 || token !== undefined; i++) {
    const page = pageOf(items, itself, { limit, continue: token }, weight);
    pages.push(page.items);
    token = page.continue;
  }
  return pages.map((page) => page.join(''));
}

test('page - in order of names, so many each; the last has no token', () => {
  expect(read(2)).toEqual(['ab', 'cd', 'e']);
  expect(read(5)).toEqual(['abcde']);
});

test('page - ends earlier where its items weigh too much, but has one at least', () => {
  const weightOf = (item: string) => (item === 'c' ? 100 : 4);
  expect(read(3, { weightOf, most: 10 })).toEqual(['ab', 'c', 'de']);
});

test('page - a token that is none of ours is refused', () => {
  expect(() => pageOf(items, itself, { limit: 2, continue: '7' })).toThrow('document.invalid');
});
