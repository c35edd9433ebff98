import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const parent = mkdtempSync(join(tmpdir(), 'tranship-interrupt-'));
afterAll(() => rmSync(parent, { recursive: true }));
const world = fileURLToPath(new URL('../world/small.yaml', import.meta.url));

/** `lab up` of a vSphere alone, told when it says the words. */
function lab(dir: string, words: string): { child: ChildProcess; said: Promise<void> } {
  const child = spawn(process.execPath, [main, 'up', '--no-cluster', '--world', world], {
    env: { ...process.env, TRANSHIP_LAB_DIR: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = new Promise<void>((resolve, reject) => {
    createInterface(child.stdout!).on('line', (line) => line.includes(words) && resolve());
    child.once('exit', () => reject(new Error(`ended before it said: ${words}`)));
  });
  return { child, said };
}

const ended = (child: ChildProcess) => new Promise<number | null>((done) => child.once('exit', done));
const links = () => execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).match(/trlab\d+/g) ?? [];
const processes = (dir: string) =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).match(new RegExp(`.*${dir}.*`, 'g'));

test('interrupt - Ctrl-C while the lab starts: no process, no link, no file stays', async () => {
  const dir = join(parent, 'one');
  const before = links();
  const { child, said } = lab(dir, 'NATS JetStream');
  await said;
  const end = ended(child);
  child.kill('SIGINT');
  expect(await end).toBe(130);
  expect(processes(dir)).toBeNull();
  expect(existsSync(dir)).toBe(false);
  expect(links()).toEqual(before);
});

test('interrupt - `lab up` killed hard while it starts: `lab down` finds what it left', async () => {
  const dir = join(parent, 'two');
  const before = links();
  const { child, said } = lab(dir, 'NATS JetStream');
  await said;
  const end = ended(child);
  child.kill('SIGKILL');
  await end;
  expect(processes(dir)).not.toBeNull();
  execFileSync(process.execPath, [main, 'down'], { env: { ...process.env, TRANSHIP_LAB_DIR: dir }, timeout: 60_000 });
  expect(processes(dir)).toBeNull();
  expect(existsSync(dir)).toBe(false);
  expect(links()).toEqual(before);
});
