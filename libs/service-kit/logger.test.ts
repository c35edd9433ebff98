import { expect, it, vi } from 'vitest';
import { createLogger, errorFields } from './logger.ts';

/** Lines as they leave the process. */
function written(work: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  const write = vi.fn((text: string) => lines.push(text) > 0);
  work(createLogger('test', 'debug', { write }));
  return lines.join('');
}

const secret = 'correct-horse-battery';

it.each([
  ['password', { password: secret }],
  ['token', { request: { token: secret } }],
  ['authorization', { request: { headers: { authorization: `Bearer ${secret}` } } }],
  ['cookie', { headers: { cookie: secret } }],
  ['credentials', { provider: { credentials: { username: 'u', password: secret } } }],
  ['secret', { secret }],
])('redaction - no %s comes into a log', (name, fields) => {
  const text = written((log) => {
    log.info(fields, 'a line');
    log.child(fields).warn({}, 'of a child');
  });
  expect(text).not.toContain(secret);
  expect(text).toContain(`"${name}":"[hidden]"`);
});

it('redaction - an error is its message and stack, without the objects that hang on it', () => {
  const error = Object.assign(new Error('login refused'), { request: { body: secret } });
  const text = written((log) => log.error(errorFields(error), 'failed'));
  expect(text).toContain('login refused');
  expect(text).not.toContain(secret);
  expect(errorFields('plain')).toEqual({ error: 'plain' });
});
