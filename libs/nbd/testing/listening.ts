import { readFileSync } from 'node:fs';

/** Of /proc/net/unix: somebody listens. Before that the socket lies there already, and refuses. */
const accepts = '00010000';

export async function listening(socket: string): Promise<boolean> {
  for (let i = 0; i < 400; i++) {
    const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
    if (lines.some((line) => line.endsWith(` ${socket}`) && line.split(' ')[3] === accepts)) return true;
    await new Promise((done) => setTimeout(done, 20));
  }
  return false;
}
