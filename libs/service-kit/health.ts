import { createServer, type Server } from 'node:http';

/** /healthz: the process lives. /readyz: it can do its work. */
export function serveHealth(port: number, ready: () => boolean | Promise<boolean>): Server | undefined {
  if (port === 0) return undefined;
  const server = createServer((request, response) => {
    const answer = async () =>
      request.url === '/healthz' ? true : request.url === '/readyz' ? await ready() : undefined;
    answer().then(
      (ok) => response.writeHead(ok === undefined ? 404 : ok ? 200 : 503).end(ok ? 'ok\n' : 'no\n'),
      () => response.writeHead(503).end('no\n'),
    );
  });
  server.requestTimeout = 5_000;
  server.listen(port);
  return server;
}
