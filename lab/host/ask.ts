import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Run inside the lab's network: asks HOST PORT once a second, one question at a time, and writes each answer as a line
// behind the moment at which it came. Ends with whoever holds its input.
const [host = '', port = ''] = process.argv.slice(2);
const everyMs = 1_000;
const connectMs = 1_000;
/** Whoever took the question has counted it: the answer is waited for. */
const answerMs = 30_000;

/** Empty: none. */
function ask(): Promise<string> {
  return new Promise((done) => {
    let text = '';
    const socket = connect({ host, port: Number(port), timeout: connectMs });
    socket.once('connect', () => socket.setTimeout(answerMs));
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.once('timeout', () => socket.destroy());
    socket.once('error', () => {});
    socket.once('close', () => done(text.trim()));
  });
}

process.stdin.resume().once('end', () => process.exit());
for (;;) {
  const began = Date.now();
  const text = await ask();
  if (text !== '') console.log(`${Date.now()} ${text}`);
  await sleep(Math.max(0, began + everyMs - Date.now()));
}
