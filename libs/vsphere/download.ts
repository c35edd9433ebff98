import type { IncomingMessage } from 'node:http';
import { TranshipError } from '@tranship/contracts';

/** A host that sends nothing for so long, while we wait for it, is gone. */
const stallMs = 120_000;

/**
 * The body of a download, chunk by chunk; what the reader does not take, the host does not send.
 * @throws TranshipError `transfer.busy` where the host serves no more, `transfer.open` where it refuses, `transfer.read` cut off
 */
export async function chunksOf(
  response: IncomingMessage,
  what: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { statusCode } = response;
  // One that is given up before it is read must not be an error of nobody's.
  response.on('error', () => {});
  if (statusCode === 200) return body(response, what, signal);
  response.destroy();
  const refused = `${what}: the host answers ${statusCode}`;
  throw new TranshipError(statusCode === 503 ? 'transfer.busy' : 'transfer.open', refused);
}

async function* body(response: IncomingMessage, what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new Error(`nothing came for ${stallMs / 1000} s`)), stallMs);
      const next = await Promise.race([chunks.next(), late]).finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new TranshipError('transfer.read', `the export of ${what} was cut off: ${(error as Error).message}`);
  } finally {
    response.destroy();
  }
}
