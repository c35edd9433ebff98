import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

/** One command to a QEMU's monitor; its answer, or a throw after the deadline. */
export function qmp(socket: string, command: string, deadlineMs = 5_000): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const connection = createConnection(socket);
  connection.setTimeout(deadlineMs, () => connection.destroy(new Error(`${command}: no answer`)));
  connection.once('error', reject);
  const say = (execute: string) => connection.write(`${JSON.stringify({ execute })}\n`);
  let answers = 0;
  // What fails the connection is told of its lines as well, and would end the process if nobody heard it.
  const lines = createInterface(connection).on('error', reject);
  lines.on('line', (line) => {
    const message = JSON.parse(line) as { QMP?: unknown; return?: unknown; error?: { desc: string } };
    if (message.QMP) say('qmp_capabilities');
    else if (message.error) connection.destroy(new Error(message.error.desc));
    else if ('return' in message && answers++ === 0) say(command);
    else if ('return' in message) {
      resolve(message.return);
      connection.end();
    }
  });
  connection.once('close', () => reject(new Error(`${command}: the monitor closed`)));
  return promise;
}
