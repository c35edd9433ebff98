import { once } from 'node:events';
import { connect } from 'node:net';

/** `at`: milliseconds, of one monotonic clock. */
export type Heard = (subject: string, payload: Buffer, at: number) => void;

export interface Observed {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly subjects: readonly string[];
}

const connectMs = 10_000;
const crlf = Buffer.from('\r\n');

/** Hears messages as the server passes them on, and when: NATS' own protocol, so that nothing of ours is measured with it. */
export async function observe({ url, user, password, subjects }: Observed, heard: Heard): Promise<() => void> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect', { signal: AbortSignal.timeout(connectMs) });
  socket.setNoDelay(true);
  const ready = Promise.withResolvers<void>();
  socket.once('close', () => ready.reject(new Error('NATS closed the connection')));
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const at = performance.now();
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const end = rest.indexOf(crlf);
      if (end < 0) return;
      const words = rest.subarray(0, end).toString().split(' ');
      const body = end + 2;
      if (words[0] === 'MSG') {
        const length = Number(words.at(-1));
        if (rest.length < body + length + 2) return;
        heard(words[1]!, rest.subarray(body, body + length), at);
        rest = rest.subarray(body + length + 2);
        continue;
      }
      if (words[0] === 'PING') socket.write('PONG\r\n');
      else if (words[0] === 'PONG') ready.resolve();
      else if (words[0] === '-ERR') ready.reject(new Error(`NATS: ${words.slice(1).join(' ')}`));
      rest = rest.subarray(body);
    }
  });
  const hello = { verbose: false, pedantic: false, headers: false, user, pass: password, name: 'bench', lang: 'node' };
  const wants = subjects.map((subject, i) => `SUB ${subject} ${i + 1}\r\n`).join('');
  socket.write(`CONNECT ${JSON.stringify(hello)}\r\n${wants}PING\r\n`);
  await ready.promise;
  ready.promise.catch(() => {});
  return () => void socket.destroy();
}
