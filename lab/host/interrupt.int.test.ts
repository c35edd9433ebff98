import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { foreground } from '../testing/terminal.ts';
import { tracesOf } from '../testing/traces.ts';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const main = path('lab/main.ts');
const world = path('lab/world/small.yaml');
/** A vSphere alone. */
const up = [main, 'up', '--no-cluster', '--world', world];
const parent = mkdtempSync(join(tmpdir(), 'tranship-interrupt-'));
afterAll(() => rmSync(parent, { recursive: true }));

const has = (...traces: RegExp[]) => expect.arrayContaining(traces.map((each) => expect.stringMatching(each)));
const running = has(/^process unshare .*--kill-child/, /^process .*\/lab nats /, /^link .* trlab/, /^folder /);

test('interrupt - Ctrl-C while the lab starts: no process, no link, no file stays', async () => {
  const dir = join(parent, 'one');
  const lab = foreground(up, dir);
  await lab.says('NATS JetStream');
  const traces = tracesOf(dir);
  expect(traces()).toEqual(running);
  expect(await lab.ctrlC()).toBe(130);
  expect(traces()).toEqual([]);
});

test('interrupt - `lab up` killed hard while it starts: `lab down` finds what it left', async () => {
  const dir = join(parent, 'two');
  const lab = foreground(up, dir);
  await lab.says('NATS JetStream');
  const traces = tracesOf(dir);
  lab.child.kill('SIGKILL');
  await lab.ended();
  expect(traces()).toEqual(running);
  execFileSync(process.execPath, [main, 'down'], { env: { ...process.env, TRANSHIP_LAB_DIR: dir }, timeout: 60_000 });
  expect(traces()).toEqual([]);
});

test('interrupt - Ctrl-C in `npm run demo` while its cluster comes up: it tells, and nothing of the node stays', async () => {
  const dir = join(parent, 'three');
  const demo = foreground([path('scripts/run.mjs'), 'demo', '--world', world], dir);
  await demo.says('objects');
  const traces = tracesOf(dir);
  expect(traces()).toEqual(running);
  expect(traces()).toEqual(has(/^process .*\/lab kubelet /, /^process .*containerd /));
  expect(await demo.ctrlC()).toBe(130);
  expect(traces()).toEqual([]);
  expect(demo.lines).toContain('stopping; everything that the demo made goes with it …');
}, 240_000);
