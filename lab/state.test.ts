import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ownerOf, self } from './setup/owner.ts';
import { labFile, runningLab } from './state.ts';

const dir = mkdtempSync(join(tmpdir(), 'tranship-state-'));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  ['runs', self(), true],
  ['has ended', ownerOf(spawnSync('true').pid), false],
  ['had a pid that another process has now', `${process.pid}-1`, false],
  ['is of a version that named it otherwise', undefined, false],
])('state - a lab whose holder %s', (_, holder, runs) => {
  writeFileSync(labFile(dir), JSON.stringify({ holder }));
  expect(runningLab(dir) !== undefined).toBe(runs);
});
