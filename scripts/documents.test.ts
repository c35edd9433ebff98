import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './checks.ts';

const homePattern = /^(services|libs)\/[\w-]+/;
const pathPattern = /^[\w.@-]+(\/[\w.@-]+)*\/?$/;
const isPath = (text: string) => pathPattern.test(text) && /\/|\.(ts|mjs|md|json|yaml)$/.test(text);
const there = (...parts: string[]) => existsSync(join(root, ...parts));
const rooms = readdirSync(join(root, 'services')).map((name) => join('services', name));

/**
 * Paths in backticks that lead nowhere: neither from the root nor the document's folder, nor from the service or library
 * named last; where none was named yet, each service will do.
 */
function astray(text: string, folder: string): string[] {
  let homes = rooms;
  return [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, path = '']) => {
    if (!isPath(path)) return [];
    const [home] = homePattern.exec(path) ?? [];
    if (home !== undefined) homes = [home];
    return ['.', folder, ...homes].some((from) => there(from, path)) ? [] : [path];
  });
}

test.each(['ARCHITECTURE.md', 'README.md', 'services/planner/SPEC.md'])(
  'documents - every path in %s exists',
  (name) => {
    const text = readFileSync(join(root, name), 'utf8');
    expect(text.match(/`[^`\n]+`/g)?.length).toBeGreaterThan(0);
    expect(astray(text, dirname(name))).toEqual([]);
  },
);

test('documents - a path that leads nowhere is found, and one is read from where it stands', () => {
  const text =
    '`services/planner/acts/drive.ts` has `domain/next.ts`, `domain/nowhere.ts` and `gone.ts`; `libs/bus/bus.ts`, `drive.ts`';
  expect(astray(text, '.')).toEqual(['domain/nowhere.ts', 'gone.ts', 'drive.ts']);
});

test('documents - every link to a file leads there', () => {
  const names = globSync(['*.md', 'docs/**/*.md', 'services/*/*.md'], { cwd: root });
  const broken = names.flatMap((name) =>
    [...readFileSync(join(root, name), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .filter(([, to]) => !there(dirname(name), to!))
      .map(([, to]) => `${name}: ${to}`),
  );
  expect(broken).toEqual([]);
});
