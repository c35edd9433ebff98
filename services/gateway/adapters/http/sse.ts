import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** A client that is this far behind gets no progress, only events. */
const lagBytes = 256 * 1024;

/** Writes one event with its id, and waits while the client is behind. */
export async function writeEvent(
  response: ServerResponse,
  signal: AbortSignal,
  frame: { id: number; type: string; data: unknown },
): Promise<void> {
  const more = response.write(`id: ${frame.id}\nevent: ${frame.type}\ndata: ${JSON.stringify(frame.data)}\n\n`);
  if (!more) await once(response, 'drain', { signal });
}

/** Progress is lossy: it has no id, and is dropped where the client is behind. */
export function writeProgress(response: ServerResponse, value: unknown): void {
  if (response.writableLength < lagBytes) response.write(`event: progress\ndata: ${JSON.stringify(value)}\n\n`);
}
