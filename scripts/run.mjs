// Entry of every `npm run` command: installs what package-lock.json says when it is missing or old, then goes on in the
// Node that the repository pins (the machine's own may be older).
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules/node/bin/node');
const stamp = join(root, 'node_modules/.tranship-stamp');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

function run(command, args) {
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.log('installing packages (about half a minute) …');
  // Not `npm ci`: it refuses a lock file that lacks the optional binaries of other platforms.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel', 'error']);
  // Where install scripts are not run, the package `node` has not fetched its binary yet.
  if (!existsSync(node)) run('npm', ['rebuild', 'node', '--ignore-scripts=false', '--loglevel', 'error']);
  writeFileSync(stamp, wanted);
}
const [command, ...rest] = process.argv.slice(2);
const child = spawn(node, [join(root, 'scripts', `${command}.ts`), ...rest], { cwd: root, stdio: 'inherit' });
// It may have to clear away what it made: who waits for us shall wait for that.
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => child.kill(name));
child.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
