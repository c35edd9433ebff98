import { expect, test } from 'vitest';
import { inSuite } from './sources.ts';

const uri = 'http://archive.example/debian';

test('sources - the first archive of Debian is taken, with another suite', () => {
  const text = `Types: deb\n# a note\nURIs: ${uri}\nSuites: bookworm bookworm-updates\nComponents: main\n\nTypes: deb\nURIs: http://other.example\nSuites: bookworm-security\n`;
  expect(inSuite(text, 'trixie')).toBe(`Types: deb\n# a note\nURIs: ${uri}\nSuites: trixie\nComponents: main\n`);
});

test('sources - lines of the older kind become the newer', () => {
  const text = `# comment\ndeb-src ${uri} bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] ${uri} bookworm main contrib\n`;
  expect(inSuite(text, 'bookworm-backports')).toBe(
    `Types: deb\nURIs: ${uri}\nSuites: bookworm-backports\nComponents: main contrib\nSigned-By: /k.gpg\n`,
  );
});

test.each(['', 'deb http://other.example stable main\n'])('sources - %j has no archive of Debian', (text) => {
  expect(inSuite(text, 'trixie')).toBeUndefined();
});
