import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { serveHealth } from './health.ts';

test('health - a port that is taken is told as a setting, not thrown past everybody', async () => {
  const taken = createServer().listen(0);
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  try {
    await expect(serveHealth(port, () => true)).rejects.toMatchObject({
      ...{ code: 'document.invalid', path: 'httpPort' },
      detail: `setting httpPort (TRANSHIP_HTTP_PORT): nobody can listen on ${port} (EADDRINUSE)`,
    });
  } finally {
    taken.close();
  }
});

test('health - it lives at once, and is ready when it says so; without a port there is nobody to ask', async () => {
  expect(await serveHealth(0, () => true)).toBeUndefined();
  const free = createServer().listen(0);
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((done) => free.close(done));
  let ready = false;
  const server = await serveHealth(port, () => ready);
  const status = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) })).status;
  try {
    expect([await status('/healthz'), await status('/readyz'), await status('/other')]).toEqual([200, 503, 404]);
    ready = true;
    expect(await status('/readyz')).toBe(200);
  } finally {
    server?.close();
  }
});
