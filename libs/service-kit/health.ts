import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { TranshipError } from '@tranship/contracts';
import { envName } from './config.ts';

/** /healthz: the process lives. /readyz: it can do its work. Throws `document.invalid` when the port cannot be had. */
export async function serveHealth(
  port: number,
  ready: () => boolean | Promise<boolean>,
): Promise<Pick<Server, 'close'> | undefined> {
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
  try {
    await once(server, 'listening');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    const detail = `setting httpPort (${envName('httpPort')}): nobody can listen on ${port} (${why})`;
    throw new TranshipError('document.invalid', detail, { path: 'httpPort', cause: error });
  }
  return server;
}
