import { createConnection, type Socket } from 'node:net';
import { TranshipError } from '@tranship/contracts';

const connectMs = 10_000;
const stepMs = 50;
/** A guest's answer is not kept beyond this. */
const mostBytes = 4 * 1024 ** 2;

/** Connects to a socket that a process is about to make. */
export async function connected(path: string, ended: () => boolean): Promise<Socket> {
  for (let waited = 0; ; waited += stepMs) {
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const made = createConnection(path);
      made.once('connect', () => resolve(made));
      made.once('error', () => resolve(undefined));
    });
    if (socket) return socket.on('error', () => {});
    if (ended() || waited >= connectMs) throw new TranshipError('guest.conversion', `QEMU does not open ${path}`);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
}

/** Calls `line` with each line of JSON; what is none is left out. */
export function onJson(socket: Socket, line: (message: Record<string, unknown>) => void): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const one = text.slice(0, end).replace(/^[^{]*/, '');
      text = text.slice(end + 1);
      try {
        const message: unknown = JSON.parse(one);
        if (typeof message === 'object' && message !== null) line(message as Record<string, unknown>);
      } catch {
        // Half of a line that was cut off.
      }
    }
    if (text.length > mostBytes) text = '';
  });
}
